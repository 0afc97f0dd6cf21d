"""A TCP connection through a hand that can hold back the bytes or cut the line."""

import asyncio

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


class TcpProxy:
    """Passes connections on to a port of this machine; `delay_s` holds back every chunk."""

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.port = port
        self.delay_s = 0.0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"TcpProxy({self.port} -> {self._target_port}, {len(self._passing)} connections)"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and drop everything that is open."""
        if self._server:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> int:
        """Drop all connections without a goodbye; return how many ends were open."""
        ends = list(self._open)
        for writer in ends:
            writer.transport.abort()
        return len(ends)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._open.add(writer)
        try:
            await self._connect(reader, writer)
        except OSError:
            pass  # the target is away, or somebody hung up: both ends see a closed line
        except asyncio.CancelledError:
            pass  # a cancelled handler would be reported as an error by asyncio
        finally:
            writer.transport.abort()
            self._open.discard(writer)
            self._passing.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner = await asyncio.open_connection(HOST, self._target_port)
        self._open.add(inner)
        ways = [
            asyncio.ensure_future(self._pass(reader, inner)),
            asyncio.ensure_future(self._pass(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            inner.transport.abort()
            self._open.discard(inner)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(data)
            await writer.drain()
