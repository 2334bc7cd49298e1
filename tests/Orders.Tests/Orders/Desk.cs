using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

/// <summary>The desk where a shop's orders wait for their transaction, held up and let go as a test wants it.</summary>
internal sealed class Desk(OrdersFixture fixture, Shop shop)
{
    public async Task<HttpResponseMessage[]> Meanwhile(Guid item, HttpRequestMessage[] requests) => await Task.WhenAll(await Held(item, requests));

    /// <summary>Sends the requests in their order while one before them is held up by its number, and lets it go.</summary>
    public async Task<Task<HttpResponseMessage>[]> Held(Guid item, HttpRequestMessage[] requests)
    {
        using var desk = Watch(out var waiting);
        var hold = await Hold();
        var first = Send(Order(new { lines = Shop.Lines(item) }));
        await Waits("INSERT INTO order_numbers");
        List<Task<HttpResponseMessage>> answers = [];
        foreach (var request in requests)
        {
            answers.Add(Send(request));
            await Eventually.Is(() => Task.FromResult(waiting() == 1 + answers.Count));
        }

        await LetGo(hold);
        (await first).StatusCode.ShouldBe(HttpStatusCode.Created);
        return [.. answers];
    }

    /// <summary>Holds the organisation's order numbers.</summary>
    public async Task<NpgsqlConnection> Hold()
    {
        var connection = await fixture.OpenAs("app", shop.Org);
        await using var hold = new NpgsqlCommand(
            "BEGIN; INSERT INTO order_numbers (last) VALUES (0) ON CONFLICT (org_id) DO UPDATE SET last = order_numbers.last", connection);
        await hold.ExecuteNonQueryAsync();
        return connection;
    }

    public static async Task<bool> LetGo(NpgsqlConnection hold)
    {
        await hold.DisposeAsync();
        return true;
    }

    /// <param name="waiting">How many more are at the desk than when this was called.</param>
    public MeterListener Watch(out Func<int> waiting)
    {
        var now = 0;
        waiting = () => Volatile.Read(ref now);
        var desk = new MeterListener
        {
            // Other fixtures' services in this process have meters of their own.
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "orders.desk.waiting" && instrument.Meter.Scope == fixture.Services.GetRequiredService<IMeterFactory>())
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        desk.SetMeasurementEventCallback<int>((_, change, _, _) => Interlocked.Add(ref now, change));
        desk.Start();
        return desk;
    }

    public static HttpRequestMessage Order(object body, string? key = null, Guid? correlation = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(body) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        if (correlation is { } id)
        {
            request.Headers.Add("X-Correlation-Id", id.ToString());
        }

        return request;
    }

    public Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken cancel = default) => shop.Till.SendAsync(request, cancel);

    public Task Waits(string statement) => Eventually.Is(async () =>
    {
        // On a connection of its own: within a transaction the view stays as it was first seen.
        await using var looking = await fixture.OpenAs("app");
        await using var waits = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')", looking)
        { Parameters = { new() { Value = statement } } };
        return (bool)(await waits.ExecuteScalarAsync())!;
    });
}
