using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class AttemptTests(AttemptTests.Once fixture) : IClassFixture<AttemptTests.Once>
{
    public sealed class Once() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
    {
        protected override IEnumerable<(string Key, string Value)> Settings => [("SYNC_RETRY_ATTEMPTS", "1")];
    }

    [Fact]
    public async Task With_one_attempt_set_changes_rows_and_messages_are_set_aside_after_the_first()
    {
        var org = Guid.NewGuid();
        await using (var session = await fixture.OpenAs("app", org))
        {
            await Run(session, "INSERT INTO notes (id, text) VALUES (gen_random_uuid(), repeat('x', 1100000))");
            await Run(session, "INSERT INTO outbox (id, org_id, message_type, body, correlation_id) VALUES (gen_random_uuid(), current_org(), 'NoSuchMessage', '{}', gen_random_uuid())");
        }

        // The relays have tried, so the queues stand and a message finds its listener.
        using var client = fixture.Client(org);
        await Errors(client, 2);
        await fixture.Broker.Send(TestBroker.Envelope(org, new StockConsumed(Guid.NewGuid(), [new(Guid.NewGuid(), -1)])));

        var errors = await Errors(client, 3);
        errors.EnumerateArray().Select(error => $"{error.GetProperty("kind").GetString()} {error.GetProperty("attempts").GetInt32()}")
            .ShouldBe(["change 1", "outbox 1", "message 1"], ignoreOrder: true);
    }

    private static Task<JsonElement> Errors(HttpClient client, int count) => Eventually.Is(
        async () => (await client.GetFromJsonAsync<JsonElement>("/orders/errors")).GetProperty("items"), items => items.GetArrayLength() == count);

    private static async Task Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }
}
