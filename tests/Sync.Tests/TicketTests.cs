using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace OpsPlatform.Sync.Tests;

public sealed class TicketTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_ticket_opens_one_stream_of_its_own_organisation()
    {
        var ticket = await Ticket();
        using var browser = fixture.Anonymous();
        using (var stream = await SseClient.Open(browser, $"/sync/feed?ticket={ticket}"))
        {
            await stream.Next("ready");
            await fixture.Send(0, SyncFixture.Change(Guid.NewGuid()), SyncFixture.Change(_org));
            (await stream.Next("change")).Id.ShouldBe(1);
        }

        await Refused(await Open(ticket));
    }

    [Fact]
    public async Task A_ticket_used_twice_at_once_opens_exactly_one_stream()
    {
        for (var round = 0; round < 10; round++)
        {
            var ticket = await Ticket();
            var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Open(ticket)));
            answers.Count(a => a.StatusCode == HttpStatusCode.OK).ShouldBe(1);
            answers.Count(a => a.StatusCode == HttpStatusCode.Unauthorized).ShouldBe(3);
            foreach (var answer in answers)
            {
                answer.Dispose();
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("../../../../../../../../../../../../../../../")]
    public async Task A_forged_ticket_is_refused(string ticket) => await Refused(await Open(ticket));

    [Theory]
    [InlineData("expires_at")]
    [InlineData("token_expires_at")]
    public async Task A_ticket_too_old_or_of_an_ended_token_is_refused(string column)
    {
        var ticket = await Ticket();
        await using (var owner = await fixture.OpenAs("owner"))
        await using (var age = new NpgsqlCommand($"UPDATE feed_tickets SET {column} = now() - interval '1 second' WHERE org_id = $1", owner) { Parameters = { new() { Value = _org } } })
        {
            (await age.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        await Refused(await Open(ticket));
    }

    [Fact]
    public async Task A_ticket_is_for_the_feed_only_and_nobody_gets_one_without_a_token()
    {
        using var browser = fixture.Anonymous();
        (await browser.PostAsync("/sync/tickets", null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await browser.GetAsync("/sync/feed")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await browser.PostAsync($"/sync/tickets?ticket={await Ticket()}", null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await browser.GetAsync($"/sync/stats?ticket={await Ticket()}")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_ticket_is_random_not_stored_and_lives_a_minute()
    {
        using var client = fixture.Client(_org, "viewer");
        var answer = await (await client.PostAsync("/sync/tickets", null)).Content.ReadFromJsonAsync<JsonElement>();
        var ticket = answer.GetProperty("ticket").GetString()!;
        ticket.Length.ShouldBe(43);
        (answer.GetProperty("expiresAt").GetDateTimeOffset() - DateTimeOffset.UtcNow).TotalSeconds.ShouldBeInRange(50, 60);
        await using var owner = await fixture.OpenAs("owner");
        await using var look = new NpgsqlCommand("SELECT count(*) FROM feed_tickets t WHERE t::text LIKE '%' || $1 || '%'", owner) { Parameters = { new() { Value = ticket } } };
        (await look.ExecuteScalarAsync()).ShouldBe(0L);
        (await Ticket()).ShouldNotBe(ticket);
    }

    private async Task<string> Ticket()
    {
        using var client = fixture.Client(_org, "viewer");
        var response = await client.PostAsync("/sync/tickets", null);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("ticket").GetString()!;
    }

    private Task<HttpResponseMessage> Open(string ticket) =>
        fixture.Anonymous().GetAsync($"/sync/feed?stream=1&ticket={ticket}", HttpCompletionOption.ResponseHeadersRead);

    private static async Task Refused(HttpResponseMessage response)
    {
        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("type").GetString().ShouldBe("https://opsplatform.dev/problems/ticket-refused");
    }
}
