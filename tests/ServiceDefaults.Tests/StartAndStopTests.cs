using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class StartAndStopTests
{
    [Theory]
    [InlineData("ConnectionStrings__ordersdb", "--ConnectionStrings:messaging=amqp://localhost")]
    [InlineData("ConnectionStrings__messaging", "--ConnectionStrings:ordersdb=Host=localhost")]
    [InlineData("SYNC_BATCH_SIZE", "--ConnectionStrings:ordersdb=Host=localhost", "--ConnectionStrings:messaging=amqp://localhost", "--SYNC_BATCH_SIZE=many")]
    public void Missing_or_wrong_configuration_is_named(string variable, params string[] settings) =>
        Should.Throw<InvalidOperationException>(() => Notes.Build(settings, _ => { })).Message.ShouldContain($"Set {variable}");

    [Fact]
    public void Connection_settings_that_would_mix_organisations_are_refused() =>
        Should.Throw<InvalidOperationException>(() => Notes.Build(
            ["--ConnectionStrings:ordersdb=Host=localhost;Password=x;No Reset On Close=true", "--ConnectionStrings:messaging=amqp://localhost"], _ => { })
            .Services.GetRequiredService<Database.ServiceDatabase>()).Message.ShouldContain("No Reset On Close");

    [Fact]
    public async Task Without_its_servers_a_service_starts_says_so_and_asks_to_come_again()
    {
        await using var app = Notes.Build(
            ["--ConnectionStrings:ordersdb=Host=127.0.0.1;Port=1;Username=u;Password=p;Database=d;Timeout=1", "--ConnectionStrings:messaging=amqp://127.0.0.1:1"], _ => { });
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        (await client.GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var health = await client.GetAsync("/health");
        health.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        Described(await health.Content.ReadAsStringAsync()).ShouldBe(["The database is not ready yet.", "The broker is away."], ignoreOrder: true);
        var early = await client.GetAsync("/notes");
        early.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        early.Headers.RetryAfter.ShouldNotBeNull();
        early.Headers.Contains(NotTaken.Header).ShouldBeTrue();
        (await early.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("type").GetString()!.ShouldEndWith("/starting");
        await app.StopAsync();
    }

    [Fact]
    public async Task A_registration_that_was_disposed_of_may_be_told_to_stop_once_more()
    {
        await using var fixture = new NotesFixture();
        await fixture.InitializeAsync();
        var registration = fixture.Services.GetServices<IHostedService>().OfType<Registration>().Single();

        // As a host does that is stopped from two sides.
        await registration.StoppingAsync(CancellationToken.None);
        registration.Dispose();
        await registration.StoppingAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Health_says_what_is_away_and_not_where_it_was()
    {
        await using var fixture = new NotesFixture();
        await fixture.InitializeAsync();
        var infrastructure = await Infrastructure.Get();
        var database = new NpgsqlConnectionStringBuilder(fixture.Database.App.ConnectionString).Database;
        await using (var administrator = NpgsqlDataSource.Create(infrastructure.Postgres))
        {
            await using var away = administrator.CreateCommand(
                $"ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
            await away.ExecuteNonQueryAsync();
        }

        await infrastructure.RemoveVirtualHost(fixture.Messaging);
        using var client = fixture.Anonymous();
        await Eventually.Is(async () => Described(await client.GetStringAsync("/health")), said => said.Length == 2 && said.Contains("The database is away.") && said.Contains("The broker is away."));
        (await client.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_stop_finishes_the_request_in_hand()
    {
        var fixture = new NotesFixture();
        await fixture.InitializeAsync();
        var org = Guid.NewGuid();
        using var client = fixture.Client(org);
        var id = Guid.NewGuid();
        var slow = client.PostAsync($"/notes/{id}/slow", null);
        await Notes.SlowStarted.Task;
        var stop = fixture.DisposeAsync().AsTask();
        Notes.SlowMayFinish.SetResult();
        (await slow).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await stop;
    }

    [Fact]
    public async Task One_trace_leads_from_the_request_through_the_broker_to_the_listener()
    {
        var exported = new ConcurrentBag<byte[]>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var collector = builder.Build();
        collector.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            if (signal == "traces")
            {
                exported.Add(body.ToArray());
            }
        });
        await collector.StartAsync();

        var fixture = new TracedFixture(collector.Urls.First());
        await fixture.InitializeAsync();
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var org = Guid.NewGuid();
        var trace = Convert.ToHexStringLower(Guid.NewGuid().ToByteArray());
        var consumed = TestBroker.Envelope(org, new StockConsumed(Guid.NewGuid(), [])) with { TraceParent = $"00-{trace}-00f067aa0ba902b7-01" };
        await fixture.Broker.Send(consumed);
        (await confirmed.Next(org)).TraceParent!.ShouldContain(trace);
        await fixture.DisposeAsync();
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", null);

        var id = Convert.FromHexString(trace);
        exported.Any(body => body.AsSpan().IndexOf(id) >= 0 && body.AsSpan().IndexOf("NoteWhenStockConsumed apply"u8) >= 0).ShouldBeTrue();
        await collector.StopAsync();
    }

    /// <summary>What an answer of /health says of the checks that do not pass.</summary>
    private static string[] Described(string health) => [.. JsonElement.Parse(health).GetProperty("checks").EnumerateObject()
        .Select(check => check.Value.GetProperty("description")).Where(description => description.ValueKind == JsonValueKind.String).Select(description => description.GetString()!)];

    private sealed class TracedFixture(string collector)
        : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
    {
        protected override IEnumerable<(string Key, string Value)> Settings
        {
            get
            {
                // The exporter reads the process environment, not the service's configuration.
                Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
                Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
                return [("OTEL_EXPORTER_OTLP_ENDPOINT", collector)];
            }
        }
    }
}
