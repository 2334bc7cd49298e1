using System.Text.Json;
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
        using var client = First.Client(Org, user: User);
        return (await client.PostAsync($"/notes/{Id}/work?digest={digest}{(batch is null ? "" : $"&batch={batch}")}", null)).EnsureSuccessStatusCode();
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
