"""The loop calls a function when a file descriptor can be read.

Prints:
    can be read: 'abc'
    was watched: True
    still watched: False
"""

import asyncio
import socket


def main() -> None:
    watched, other = socket.socketpair()
    loop = asyncio.new_event_loop()

    def readable() -> None:
        print(f"can be read: {watched.recv(100).decode()!r}")
        print("was watched:", loop.remove_reader(watched))
        print("still watched:", loop.remove_reader(watched))
        loop.stop()

    with watched, other:
        loop.add_reader(watched, readable)
        loop.call_soon(other.send, b"abc")
        try:
            loop.run_forever()
        finally:
            loop.close()


if __name__ == "__main__":
    main()
