using Npgsql;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>A service and a source of its own, because its checks fail.</summary>
public sealed class FailedCheckTests : IAsyncLifetime
{
    private readonly HealthFixture _fixture = new();

    public ValueTask InitializeAsync() => ((IAsyncLifetime)_fixture).InitializeAsync();

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_fixture).DisposeAsync();

    [Fact]
    public async Task Who_was_active_before_checks_that_failed_is_judged_by_the_next_one()
    {
        // No table is compared: that something was appended is all there is to say of the organisation.
        _fixture.Source.RefusesDigests = true;
        await Checks();
        await Rename("sources", "sources_gone");
        var org = Guid.NewGuid();
        await _fixture.Append(org, "a", 1);
        await Checks();
        await Rename("sources_gone", "sources");
        await Eventually.Is(() => _fixture.Get(org, "/sync/metrics?name=level"), page => page.GetProperty("items").GetArrayLength() > 0);
    }

    /// <summary>Waits until three more checks have begun.</summary>
    private Task Checks()
    {
        var asked = _fixture.Source.StatesAsked;
        return Eventually.Is(() => Task.FromResult(_fixture.Source.StatesAsked >= asked + 3));
    }

    private async Task Rename(string table, string to)
    {
        await using var owner = await _fixture.OpenAs("owner");
        await using var rename = new NpgsqlCommand($"ALTER TABLE {table} RENAME TO {to}", owner);
        await rename.ExecuteNonQueryAsync();
    }
}
