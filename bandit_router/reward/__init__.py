"""Judgement, cost and feedback become a reward; nothing here decides or stores."""
