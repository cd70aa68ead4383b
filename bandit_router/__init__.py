"""An OpenAI-compatible LLM router that learns, from judged answers, the cheapest model that will do."""

__version__ = "0.1.0"
