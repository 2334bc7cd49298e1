using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>Somebody's server that takes webhooks, and answers 204 unless told otherwise.</summary>
public sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Received> _got = [];
    private int _atOnce;

    private Receiver(WebApplication app) => _app = app;

    public string Url => $"{_app.Urls.First()}/hooks?of=tests";

    public IReadOnlyList<Received> Got => [.. _got];

    /// <summary>Requests that were here together.</summary>
    public int MostAtOnce { get; private set; }

    public Func<HttpContext, Task> Answer { get; set; } = http =>
    {
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    };

    /// <param name="port">0 for any.</param>
    public static async Task<Receiver> Start(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var receiver = new Receiver(app);
        app.Run(receiver.Take);
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Answers this from now on.</summary>
    public void Says(int status, string body = "") => Answer = async http =>
    {
        http.Response.StatusCode = status;
        if (body.Length > 0)
        {
            await http.Response.WriteAsync(body);
        }
    };

    public async Task<Received> Gets(Func<Received, bool>? which = null) =>
        (await Testing.Eventually.Is(() => Task.FromResult(Got.FirstOrDefault(which ?? (_ => true))), one => one is not null))!;

    public Task Has(int count) => Testing.Eventually.Is(() => Task.FromResult(Got.Count), got => got == count);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(true));
        await _app.DisposeAsync();
    }

    private async Task Take(HttpContext http)
    {
        var here = Interlocked.Increment(ref _atOnce);
        MostAtOnce = Math.Max(MostAtOnce, here);
        try
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            _got.Enqueue(new(http.Request.Method, http.Request.Path + http.Request.QueryString, http.Request.Headers.ToDictionary(x => x.Key.ToLowerInvariant(), x => x.Value.ToString()), body.ToArray()));
            await Answer(http);
        }
        finally
        {
            Interlocked.Decrement(ref _atOnce);
        }
    }
}

public sealed record Received(string Method, string Path, Dictionary<string, string> Headers, byte[] Body)
{
    public string Id => Headers["webhook-id"];

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string[] Signatures => Headers["webhook-signature"].Split(' ');

    /// <summary>As the specification has a receiver do it.</summary>
    public bool IsSignedWith(string secret)
    {
        secret.ShouldStartWith("whsec_");
        var signed = Encoding.UTF8.GetBytes($"{Id}.{Headers["webhook-timestamp"]}.").Concat(Body).ToArray();
        using var hmac = new HMACSHA256(Convert.FromBase64String(secret["whsec_".Length..]));
        return Signatures.Contains($"v1,{Convert.ToBase64String(hmac.ComputeHash(signed))}");
    }
}
