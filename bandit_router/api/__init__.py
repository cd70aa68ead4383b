"""The HTTP service in OpenAI's protocol; what is decided, called, judged and learned is elsewhere."""
