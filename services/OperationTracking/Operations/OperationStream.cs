using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Writes one operation's states to one reader.</summary>
internal sealed class OperationStream(PipeWriter body, Followed operation, TimeProvider time)
{
    private static readonly byte[] KeepAlive = ": keep-alive\n\n"u8.ToArray();
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);

    /// <summary>States in between are passed over; a person sees no more of them.</summary>
    private static readonly TimeSpan LeastGap = TimeSpan.FromMilliseconds(50);

    /// <summary>A reader that lost the connection comes again after this time, in milliseconds.</summary>
    private const string Retry = "retry: 500\n";

    private long _writtenAt = time.GetTimestamp();

    /// <param name="told">The version the reader has; null for none.</param>
    public async Task Run(string? told, CancellationToken cancel)
    {
        while (await operation.Read(cancel) is { } now)
        {
            if (now.Version != told)
            {
                told = now.Version;
                await Write(Encoding.UTF8.GetBytes($"{Retry}event: operation\nid: {told}\ndata: {JsonSerializer.Serialize(now, Json.Options)}\n\n"), cancel);
            }

            if (now.CompletedAt is not null)
            {
                return;
            }

            await operation.Wait(KeepAliveInterval - time.GetElapsedTime(_writtenAt), cancel);
            cancel.ThrowIfCancellationRequested();
            if (LeastGap - time.GetElapsedTime(_writtenAt) is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, time, cancel);
            }
            else if (time.GetElapsedTime(_writtenAt) >= KeepAliveInterval)
            {
                await Write(KeepAlive, cancel);
            }
        }
    }

    private async Task Write(byte[] bytes, CancellationToken cancel)
    {
        body.Write(bytes);
        _writtenAt = time.GetTimestamp();
        await body.FlushAsync(cancel);
    }
}
