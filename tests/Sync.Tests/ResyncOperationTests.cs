using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>A resync is an operation while it lasts.</summary>
public sealed class ResyncOperationTests(HealthFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_resync_is_told_of_when_it_begins_and_what_it_repaired_when_it_ends()
    {
        await Differ();
        var starts = await fixture.Broker.Listen<OperationStarted>();
        var ends = await fixture.Broker.Listen<OperationEnded>();

        using var client = fixture.Client(_org, "admin");
        using var answer = await client.PostAsJsonAsync("/sync/resync", new { service = "inventory" });
        var id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
        var started = (await starts.Next(_org)).Message;
        (started.OperationId, started.OperationType, started.DisplayName, started.Service).ShouldBe((id, "sync.resync", "Resync of inventory", "sync"));
        var ended = (await ends.Next(_org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Last!.Message).ShouldBe((id, "completed", "inventory ingredient: 1 repaired"));
        JsonDocument.Parse(ended.Result!).RootElement.GetProperty("repairedCount").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task A_cancelled_resync_is_refused_to_who_waits_for_it_and_can_be_asked_for_again()
    {
        await Differ();
        var starts = await fixture.Broker.Listen<OperationStarted>();
        var ends = await fixture.Broker.Listen<OperationEnded>();
        var held = new TaskCompletionSource();
        var send = fixture.Source.Send;
        fixture.Source.Send = async (org, change) =>
        {
            await (org == _org ? held.Task : Task.CompletedTask);
            await send(org, change);
        };
        try
        {
            using var client = fixture.Client(_org, "admin");
            var waiting = client.PostAsJsonAsync("/sync/resync", new { });
            await Eventually.Is(() => Task.FromResult(fixture.Source.Emitted.ContainsKey(_org)));
            await fixture.Broker.Publish(_org, new OperationCancelled((await starts.Next(_org)).Message.OperationId, "sync", "the boss"));

            using var refused = await waiting;
            refused.StatusCode.ShouldBe(HttpStatusCode.Conflict);
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("type").GetString().ShouldBe("https://opsplatform.dev/problems/resync-cancelled");
            var ended = (await ends.Next(_org)).Message;
            (ended.Outcome, ended.CancelledBy).ShouldBe(("cancelled", "the boss"));

            held.SetResult();
            (await client.PostAsJsonAsync("/sync/resync", new { })).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            held.TrySetResult();
            fixture.Source.Send = send;
        }
    }

    private async Task Differ()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 2);
    }
}
