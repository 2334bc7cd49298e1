using System.Net.Sockets;
using RabbitMQ.Client;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// A line to the broker whose end is always noticed. The client (RabbitMQ.Client 7.1.2) by itself waits for ever, and with it whoever asked
/// it to connect: reading on, as fast as it can, after a line that ended within a frame; for the first frame of a line that ended before it
/// had begun to wait; and on a silent line, as it sets a timeout that asynchronous reads do not keep.
/// </summary>
internal sealed class BrokerSocket : TcpClientAdapter
{
    private BrokerSocket(AddressFamily family)
        : base(new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true })
    {
    }

    public static ITcpClient Create(AddressFamily family) => new BrokerSocket(family);

    public override NetworkStream GetStream() => new EndingStream(Client);

    private sealed class EndingStream(Socket socket) : NetworkStream(socket)
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _patience = new();

        /// <summary>Milliseconds. The client sets what the handshake may take, and then twice the heartbeat.</summary>
        public override int ReadTimeout { get; set; } = Timeout.Infinite;

        /// <exception cref="IOException">The line has ended, broke, or was silent for longer than <see cref="ReadTimeout"/>.</exception>
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                var read = await ReadPatiently(buffer, cancellationToken);
                return read > 0 || buffer.IsEmpty ? read : throw new EndOfStreamException("The broker has ended the line.");
            }
            catch (IOException)
            {
                // The client waits for the first frame once it has written its header, and not before.
                await _begun.Task.WaitAsync(cancellationToken);
                throw;
            }
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _begun.TrySetResult();
            return base.WriteAsync(buffer, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            _begun.TrySetResult();
            base.Dispose(disposing);
        }

        private async ValueTask<int> ReadPatiently(Memory<byte> buffer, CancellationToken cancel)
        {
            await using var given = cancel.UnsafeRegister(static patience => ((CancellationTokenSource)patience!).Cancel(), _patience);
            _patience.CancelAfter(ReadTimeout);
            try
            {
                var read = await base.ReadAsync(buffer, _patience.Token);
                _patience.TryReset();
                return read;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new IOException($"The broker said nothing for {ReadTimeout} ms.");
            }
        }
    }
}
