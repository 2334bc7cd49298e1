using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class HopTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_request_tells_its_row_and_its_message_in_the_order_of_their_times()
    {
        using var client = fixture.Client(_org);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/notes") { Content = JsonContent.Create(new { text = "x" }) };
        var correlation = Guid.NewGuid();
        request.Headers.Add("X-Correlation-Id", correlation.ToString());
        await client.SendAsync(request);

        var hops = await Eventually.Is(() => Hops(correlation), found => found.Length == 5);
        hops.Select(hop => $"{hop.GetProperty("what")} {hop.GetProperty("name")}").Where(step => !step.StartsWith("relayed", StringComparison.Ordinal))
            .ShouldBe(["received http", "captured note_created", "written OrderPlaced", "sent OrderPlaced"], ignoreOrder: true);
        hops[0].GetProperty("what").GetString().ShouldBe("received");
        hops.Select(hop => hop.GetProperty("at").GetDateTimeOffset()).ShouldBeInOrder();
    }

    [Fact]
    public async Task A_message_tells_who_heard_it_once_and_what_it_led_to()
    {
        var consumed = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(consumed);
        await fixture.Broker.Send(consumed);

        var hops = await Eventually.Is(() => Hops(consumed.CorrelationId), found => found.Any(hop => hop.GetProperty("what").GetString() == "sent"));
        var heard = hops.Where(hop => hop.GetProperty("what").GetString() == "heard").ShouldHaveSingleItem();
        heard.GetProperty("listener").GetString().ShouldBe(nameof(NoteWhenStockConsumed));
        heard.GetProperty("messageId").GetGuid().ShouldBe(consumed.Id);
        hops.Single(hop => hop.GetProperty("what").GetString() == "sent").GetProperty("causationId").GetGuid().ShouldBe(consumed.Id);
    }

    [Fact]
    public async Task The_apps_role_adds_hops_and_reads_none_and_whole_weeks_are_forgotten()
    {
        await using var app = await fixture.OpenAs("app", _org);
        await using var read = new NpgsqlCommand("SELECT count(*) FROM hops", app);
        (await Should.ThrowAsync<PostgresException>(() => read.ExecuteScalarAsync())).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);

        await using var owner = await fixture.OpenAs("owner");
        await using var weeks = new NpgsqlCommand("SELECT count(*) FROM pg_inherits WHERE inhparent = 'hops'::regclass", owner);
        var before = (long)(await weeks.ExecuteScalarAsync())!;
        // Last week's is over by then; this week's is not.
        await using var forget = new NpgsqlCommand("SELECT sum(ops_drop_week(week)) FROM unnest(ARRAY(SELECT ops_weeks_before(date_trunc('week', now(), 'UTC'), 'hops'))) AS week", owner);
        await forget.ExecuteNonQueryAsync();
        ((long)(await weeks.ExecuteScalarAsync())!).ShouldBe(before - 1);
    }

    private async Task<JsonElement[]> Hops(Guid correlation)
    {
        using var client = fixture.Client(_org, "viewer");
        return [.. (await client.GetFromJsonAsync<JsonElement>($"/orders/hops?correlationId={correlation}")).GetProperty("items").EnumerateArray()];
    }
}
