"""Libraries that were written for asyncio, unmodified, with miniloop in asyncio's place."""
