using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>A service whose long-running work does what the test says, and what is heard of it.</summary>
public abstract class ScriptedOperations : IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private protected NotesFixture First { get; } = new();

    protected Guid Org { get; } = Guid.NewGuid();

    protected Guid User { get; } = Guid.NewGuid();

    protected Guid Id { get; } = Guid.NewGuid();

    protected TestListener<OperationEnded> Ends { get; private set; } = null!;

    protected TestListener<OperationReported> Reports { get; private set; } = null!;

    private protected sealed record Place(long Done);

    public async ValueTask InitializeAsync()
    {
        await First.InitializeAsync();
        Ends = await First.Broker.Listen<OperationEnded>();
        Reports = await First.Broker.Listen<OperationReported>();
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return First.DisposeAsync();
    }

    protected static JsonElement ResultOf(OperationEnded ended) => JsonDocument.Parse(ended.Result!).RootElement;

    /// <param name="digest">Of the plan that has to be agreed to first; none unless given.</param>
    /// <param name="batch">Which it is the only part of; none unless given.</param>
    private protected async Task<HttpResponseMessage> Start(ScriptedWork.Script script, string? digest = null, Guid? batch = null)
    {
        ScriptedWork.Scripts[Id] = script;
        return await Start($"/notes/{Id}/work?digest={digest}{(batch is null ? "" : $"&batch={batch}")}");
    }

    /// <summary>Work that can be cancelled in its first step, is taken back from its second, and is past the point of no return in its third.</summary>
    private protected async Task StartTakenBack(ScriptedWork.Script script, ScriptedWork.Script? backwards = null)
    {
        ScriptedWork.Scripts[Id] = script;
        TakenBackWork.Backwards[Id] = backwards ?? ((_, _, _) => throw new InvalidOperationException("There is nothing to take back."));
        using var answer = await Start($"/notes/{Id}/work/taken-back");
    }

    protected Task Cancel() => First.Broker.Publish(Org, new OperationCancelled(Id, "orders", "the boss"));

    /// <summary>As when the worker died and the time of its lease is over.</summary>
    protected Task RunOutLease(Guid? id = null) => Change("leased_until = '-infinity'", id);

    protected async Task Change(string change, Guid? id = null)
    {
        await using var session = await First.OpenAs("app", Org);
        await using var update = new NpgsqlCommand($"UPDATE operation_work SET {change} WHERE id = $1", session) { Parameters = { new() { Value = id ?? Id } } };
        (await update.ExecuteNonQueryAsync()).ShouldBe(1);
    }

    protected async Task<T> Read<T>(string column)
    {
        await using var session = await First.OpenAs("app", Org);
        await using var read = new NpgsqlCommand($"SELECT {column} FROM operation_work WHERE id = $1", session) { Parameters = { new() { Value = Id } } };
        return await read.ExecuteScalarAsync() is T value ? value : default!;
    }

    private async Task<HttpResponseMessage> Start(string path)
    {
        using var client = First.Client(Org, user: User);
        return (await client.PostAsync(path, null)).EnsureSuccessStatusCode();
    }

    /// <summary>Another operation is started and ended: nothing of the first one's came in between.</summary>
    protected async Task NothingMoreEnds()
    {
        var other = Guid.NewGuid();
        ScriptedWork.Scripts[other] = (_, _, _) => Task.FromResult<object?>(null);
        using var client = First.Client(Org, user: User);
        (await client.PostAsync($"/notes/{other}/work", null)).EnsureSuccessStatusCode();
        (await Ends.Next(Org)).Message.Operation.OperationId.ShouldBe(other);
    }
}
