using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

/// <summary>An organisation's imports and changes of ingredients, what undoes them, and what is heard of both.</summary>
public abstract class UndoneWork(InventoryFixture fixture) : IAsyncLifetime
{
    /// <summary>So many lines have to be agreed to.</summary>
    protected const int Many = 1000;

    protected InventoryFixture Fixture => fixture;

    protected Tenant Tenant { get; } = fixture.NewTenant();

    protected TestListener<OperationStarted> Starts { get; private set; } = null!;

    protected TestListener<OperationReplanned> Replans { get; private set; } = null!;

    private TestListener<OperationEnded> Ends { get; set; } = null!;

    public async ValueTask InitializeAsync() => (Starts, Replans, Ends) =
        (await fixture.Broker.Listen<OperationStarted>(), await fixture.Broker.Listen<OperationReplanned>(), await fixture.Broker.Listen<OperationEnded>());

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected static object Line(string code, decimal quantity) => new { code, changeType = "increase", quantity };

    protected static object[] Lines(string code, int count) => [.. Enumerable.Repeat(Line(code, 1), count)];

    protected static async Task Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }

    /// <returns>Whether somebody waits for what the session holds.</returns>
    protected async Task<bool> Waiting(NpgsqlConnection session)
    {
        await using var asking = await fixture.OpenAs("owner", Tenant.Org);
        await using var command = new NpgsqlCommand($"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {session.ProcessID} = ANY(pg_blocking_pids(pid)))", asking);
        return (bool)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>An import that has ended.</summary>
    protected async Task<Guid> Import(object[] lines, long failed = 0, HttpClient? client = null) =>
        Guid.Parse((string)(await Done(client ?? Tenant.Client, "/inventory/imports", new { lines }, lines.Length - failed, failed))["id"]!);

    /// <summary>A change of ingredients that has ended.</summary>
    protected async Task<Guid> Change(object[] lines, long failed = 0) =>
        Guid.Parse((string)(await Done(Tenant.Client, "/inventory/ingredients/bulk", new { lines, note = "new prices" }, lines.Length - failed, failed))["operationId"]!);

    /// <param name="way">operations, or imports for the way that only these have.</param>
    protected Task<HttpResponseMessage> AskUndo(Guid operation, string way = "operations") => Tenant.Client.PostAsync($"/inventory/{way}/{operation}/undo", null);

    protected async Task<OperationStarted> Undo(Guid operation, string way = "operations")
    {
        var answer = await AskUndo(operation, way);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        return (await Starts.Next(Tenant.Org, x => x.Undoes == operation)).Message;
    }

    protected async Task ShouldBeUndoneBy(Guid operation, Guid undo)
    {
        var again = await AskUndo(operation);
        await again.ShouldRefuse(409, "already-undone");
        ((string)(await again.Body())["operation"]!).ShouldBe($"/operations/{undo}");
    }

    protected Task Agree(Guid operation, string digest) => fixture.Broker.Publish(Tenant.Org, new OperationApproved(operation, "inventory", digest));

    protected async Task<OperationEnded> End() => (await Ends.Next(Tenant.Org)).Message;

    protected async Task<int> ReorderPointOf(Guid ingredient) => (int)(decimal)(await Tenant.Get($"/ingredients/{ingredient}"))["reorderPoint"]!;

    private async Task<JsonNode> Done(HttpClient client, string path, object body, long done, long failed)
    {
        var answer = await client.PostAsJsonAsync(path, body);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var ended = await End();
        (ended.Outcome, ended.Last!.Done, ended.Last.Failed).ShouldBe(("completed", done, failed), ended.Error);
        return await answer.Body();
    }
}
