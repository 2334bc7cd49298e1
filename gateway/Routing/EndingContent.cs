using System.Net;

namespace OpsPlatform.Gateway.Routing;

/// <summary>A stream of events that ends as if its sender had ended it when the gateway stops, with a hint after the last whole event.</summary>
internal sealed class EndingContent(HttpContent inner, CancellationToken stopping) : HttpContent
{
    private static readonly byte[] Hint = "retry: 500\nevent: resume\ndata: {}\n\n"u8.ToArray();

    protected override async Task<Stream> CreateContentReadStreamAsync() => new EndingStream(await inner.ReadAsStreamAsync(), stopping);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        throw new NotSupportedException("A stream of events is read as it comes.");

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class EndingStream(Stream inner, CancellationToken stopping) : Stream
    {
        /// <summary>The last two bytes that passed; an event ends with two line ends.</summary>
        private (byte, byte) _last = ((byte)'\n', (byte)'\n');

        private bool _hasEnded;

        /// <summary>Cancelled by either the gateway's stop or by whoever reads; kept, as all reads have the same token.</summary>
        private (CancellationToken Reader, CancellationTokenSource Either)? _kept;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_hasEnded || stopping.IsCancellationRequested)
            {
                return End(buffer);
            }

            try
            {
                var read = await inner.ReadAsync(buffer, Either(cancellationToken));
                Remember(buffer.Span[..read]);
                return read;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                return End(buffer);
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                _kept?.Either.Dispose();
            }

            base.Dispose(disposing);
        }

        private CancellationToken Either(CancellationToken reader)
        {
            if (_kept?.Reader != reader)
            {
                _kept?.Either.Dispose();
                _kept = (reader, CancellationTokenSource.CreateLinkedTokenSource(reader, stopping));
            }

            return _kept.Value.Either.Token;
        }

        private int End(Memory<byte> buffer)
        {
            // An empty read only asks whether there is something to read.
            if (_hasEnded || buffer.IsEmpty)
            {
                return 0;
            }

            _hasEnded = true;

            // In the middle of an event nothing can be said; a reader drops the part it has.
            if (_last != ((byte)'\n', (byte)'\n') || buffer.Length < Hint.Length)
            {
                return 0;
            }

            Hint.CopyTo(buffer);
            return Hint.Length;
        }

        private void Remember(ReadOnlySpan<byte> bytes) => _last = bytes.Length switch
        {
            0 => _last,
            1 => (_last.Item2, bytes[0]),
            _ => (bytes[^2], bytes[^1]),
        };
    }
}
