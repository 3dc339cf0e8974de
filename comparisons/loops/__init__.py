"""The same programs on one event loop after the other, each measured in a process of its own."""
