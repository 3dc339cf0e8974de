"""Random programs, run on miniloop and on asyncio, and compared step by step."""
