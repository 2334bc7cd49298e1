using System.Collections;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>How a valid request of each operation is made: a line per operation, by method and path as the OpenAPI document has them.</summary>
public sealed class FixtureTable : IEnumerable<KeyValuePair<string, Func<World, Task<Call>>>>
{
    private readonly Dictionary<string, Func<World, Task<Call>>> _makers = [];

    public IEnumerable<string> Operations => _makers.Keys;

    public void Add(string operation, Func<World, Call> make) => _makers.Add(operation, world => Task.FromResult(make(world)));

    public void Add(string operation, Func<World, Task<Call>> make) => _makers.Add(operation, make);

    public static FixtureTable Of(IEnumerable<FixtureTable> tables)
    {
        var all = new FixtureTable();
        foreach (var (operation, make) in tables.SelectMany(table => table))
        {
            all.Add(operation, make);
        }

        return all;
    }

    /// <summary>A new request of the operation that the world's owner is answered 2xx, with what it needs made beforehand.</summary>
    /// <exception cref="InvalidOperationException">Nobody has said yet how the operation is called.</exception>
    public Task<Call> Make(string operation, World world) => _makers.TryGetValue(operation, out var make)
        ? make(world)
        : throw new InvalidOperationException(Missing(operation));

    public static string Missing(string operation) =>
        $"'{operation}' is in the OpenAPI document and has no fixture. Add a line for it in tests/Attack.Tests/Fixtures/: "
        + $$"""{ "{{operation}}", world => Call.Get("{{operation.Split(' ')[1]}}") },""";

    public IEnumerator<KeyValuePair<string, Func<World, Task<Call>>>> GetEnumerator() => _makers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>The fixtures of all services.</summary>
public static class AllFixtures
{
    public static FixtureTable Table { get; } = FixtureTable.Of(
    [
        EveryServiceFixtures.Table,
        IdentityFixtures.Table,
        InventoryFixtures.Table,
        OrdersFixtures.Table,
        SyncFixtures.Table,
        OperationsFixtures.Table,
        AnalyticsFixtures.Table,
        RegistryFixtures.Table,
    ]);
}
