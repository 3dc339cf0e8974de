"""Workers share the items of a queue, and are cancelled when it is empty.

Prints:
    20 jobs, 3 workers
    all done: True
    every worker had some: True
    cancelled: ['worker-0', 'worker-1', 'worker-2']
"""

import asyncio


async def work(name: str, queue: asyncio.Queue[float], done: list[str], shelf: list[str]) -> None:
    try:
        while True:
            await asyncio.sleep(await queue.get())
            queue.task_done()
            done.append(name)
    finally:
        shelf.append(name)


async def main() -> None:
    queue: asyncio.Queue[float] = asyncio.Queue()
    for job in range(20):
        queue.put_nowait(job % 3 / 1000)
    done: list[str] = []
    shelf: list[str] = []
    workers = [
        asyncio.create_task(work(f"worker-{number}", queue, done, shelf)) for number in range(3)
    ]
    print(f"{queue.qsize()} jobs, {len(workers)} workers")
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    print("all done:", len(done) == 20 and queue.empty())
    print("every worker had some:", len(set(done)) == 3)
    print("cancelled:", shelf)


if __name__ == "__main__":
    asyncio.run(main())
