"""Which models there are and which of them a request may use; nothing here calls one."""
