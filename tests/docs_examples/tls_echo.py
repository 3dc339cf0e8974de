"""An echo over TLS. A client that does not trust the certificate closes the connection.

Prints:
    refused: unable to get local issuer certificate
    server got 'hello'
    client got 'HELLO' over TLS
"""

import asyncio
import ssl

import trustme


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a context for a server at localhost, and one for a client that trusts its authority."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    words = (await reader.readline()).decode().strip()
    print(f"server got {words!r}")
    writer.write(words.upper().encode() + b"\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def talk(port: int, context: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    writer.write(b"hello\n")
    answer = (await reader.readline()).decode().strip()
    encrypted = "over TLS" if writer.get_extra_info("cipher") else "in the clear"
    print(f"client got {answer!r} {encrypted}")
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    ours, theirs = contexts()
    server = await asyncio.start_server(shout, "127.0.0.1", 0, ssl=ours)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            await talk(port, ssl.create_default_context())
        except ssl.SSLCertVerificationError as error:
            print("refused:", error.verify_message)
        await talk(port, theirs)


if __name__ == "__main__":
    asyncio.run(main())
