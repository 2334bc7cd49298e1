using System.Net;
using System.Net.Http.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>Of the work that changes many ingredients one of an organisation is done at a time; the first here waits for an ingredient that somebody has locked.</summary>
public sealed class TurnTests(InventoryFixture fixture) : IAsyncLifetime
{
    private readonly Tenant _tenant = fixture.NewTenant();
    private TestListener<OperationEnded> _ends = null!;
    private TestListener<OperationReported> _reports = null!;
    private NpgsqlConnection _session = null!;
    private NpgsqlTransaction _held = null!;
    private Guid _flour;

    public async ValueTask InitializeAsync()
    {
        _ends = await fixture.Broker.Listen<OperationEnded>();
        _reports = await fixture.Broker.Listen<OperationReported>();
        _flour = await _tenant.HasIngredient("flour", 10);
        _session = await fixture.OpenAs("app", _tenant.Org);
        await HoldFlour();
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Imports_changes_of_ingredients_and_what_undoes_them_wait_for_each_other_and_say_so()
    {
        var first = await Import(5);
        await Begun(first);
        var second = await Import(-12);
        await BlockedBy(second, first);
        var change = await Started("/inventory/ingredients/bulk", new { lines = new[] { new { code = "flour", reorderPoint = 3 } } });
        await BlockedBy(change, first);
        // Another organisation's goes on.
        var stranger = fixture.NewTenant();
        await stranger.HasIngredient("flour", 1);
        (await stranger.Client.PostAsJsonAsync("/inventory/imports", new { lines = new[] { Line(5) } })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await _ends.Next(stranger.Org)).Message.Outcome.ShouldBe("completed");

        await _held.CommitAsync();
        var ended = new[] { await End(), await End(), await End() };
        ended.Select(x => (x.Operation.OperationId, x.Outcome, x.Last!.Failed)).ShouldBe([(first, "completed", 0L), (second, "completed", 0L), (change, "completed", 0L)]);
        (await _tenant.StockOf(_flour)).ShouldBe(3);
        var undo = await Started($"/inventory/imports/{second}/undo", new { });
        (await End()).Operation.ShouldSatisfyAllConditions(x => x.OperationId.ShouldBe(undo), x => x.Undoes.ShouldBe(second));
        (await _tenant.StockOf(_flour)).ShouldBe(15);
    }

    [Fact]
    public async Task What_undoes_an_import_or_a_change_of_ingredients_waits_for_what_is_at_work()
    {
        await _held.CommitAsync();
        var import = await Import(5);
        await End();
        var change = await Started("/inventory/ingredients/bulk", new { lines = new[] { new { code = "flour", reorderPoint = 3 } } });
        await End();

        await HoldFlour();
        var first = await Import(1);
        await Begun(first);
        foreach (var done in (Guid[])[import, change])
        {
            await BlockedBy(await Started($"/inventory/operations/{done}/undo", new { }), first);
        }

        await _held.CommitAsync();
        (await End()).Operation.OperationId.ShouldBe(first);
        new[] { await End(), await End() }.Select(x => (x.Operation.Undoes, x.Last!.Done)).ShouldBe([(import, 1L), (change, 1L)]);
        (await _tenant.StockOf(_flour)).ShouldBe(11);
    }

    [Fact]
    public async Task The_next_goes_on_when_the_one_before_is_cancelled()
    {
        var (first, second) = (await Import(5), await Import(1));
        await BlockedBy(second, first);
        await fixture.Broker.Publish(_tenant.Org, new OperationCancelled(first, "inventory", "somebody"));
        (await End()).ShouldSatisfyAllConditions(x => x.Operation.OperationId.ShouldBe(first), x => x.Outcome.ShouldBe("cancelled"));
        await Begun(second);
        await _held.CommitAsync();
        (await End()).Operation.OperationId.ShouldBe(second);
        (await _tenant.StockOf(_flour)).ShouldBe(11);
    }

    [Fact]
    public async Task The_next_goes_on_when_the_worker_of_the_one_before_is_killed_and_that_does_its_lines_after_it_and_once()
    {
        var (first, second) = (await Import(5), await Import(1));
        await BlockedBy(second, first);
        await using (var session = await fixture.OpenAs("app", _tenant.Org))
        await using (var kill = new NpgsqlCommand($"UPDATE operation_work SET leased_until = '-infinity' WHERE id = '{first}'", session))
        {
            (await kill.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        await BlockedBy(first, second, attempt: 1);
        await _held.CommitAsync();
        (await End()).Operation.OperationId.ShouldBe(second);
        (await End()).ShouldSatisfyAllConditions(x => x.Operation.OperationId.ShouldBe(first), x => x.Outcome.ShouldBe("completed"), x => x.Last!.Attempt.ShouldBe(2));
        (await _tenant.StockOf(_flour)).ShouldBe(16);
        (await _tenant.Log()).Count.ShouldBe(3);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task An_import_says_how_many_lines_were_refused_for_what()
    {
        await _held.CommitAsync();
        await Started("/inventory/imports", new { lines = new[] { Line(-11), Line(-12), Line(1), Line(1, "nothing") } });
        System.Text.Json.Nodes.JsonNode.Parse((await End()).Last!.Metadata!)!["refused"]!.ToJsonString().ShouldBe("""{"not_enough":2,"unknown_code":1}""");
    }

    private static object Line(decimal quantity, string code = "flour") => new { code, changeType = quantity < 0 ? "decrease" : "increase", quantity = Math.Abs(quantity) };

    private Task<Guid> Import(decimal quantity) => Started("/inventory/imports", new { lines = new[] { Line(quantity) } });

    private async Task<Guid> Started(string path, object body)
    {
        var answer = await _tenant.Client.PostAsJsonAsync(path, body);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        return Guid.Parse(answer.Headers.GetValues("Operation-Location").Single().Split('/')[2]);
    }

    private Task<Envelope<OperationReported>> Begun(Guid id) => _reports.Next(_tenant.Org, x => x.OperationId == id && x.Attempt == 1);

    private async Task BlockedBy(Guid id, Guid other, int attempt = 0)
    {
        var waits = (await _reports.Next(_tenant.Org, x => x.OperationId == id && x.Cause == "lock")).Message;
        (waits.Attempt, waits.BlockedBy).ShouldBe((attempt, other));
    }

    private async Task<OperationEnded> End() => (await _ends.Next(_tenant.Org)).Message;

    private async Task HoldFlour()
    {
        _held = await _session.BeginTransactionAsync();
        await using var command = new NpgsqlCommand($"SELECT FROM ingredients WHERE id = '{_flour}' FOR UPDATE", _session, _held);
        await command.ExecuteNonQueryAsync();
    }
}
