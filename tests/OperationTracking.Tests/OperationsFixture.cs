using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.OperationTracking.Tests.OperationsFixture))]

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public class OperationsFixture : ServiceFixture
{
    public OperationsFixture()
        : base("operations", typeof(OperationsDb)) => Identity = new(() => Tokens.Address);

    public IdentityStandIn Identity { get; }

    public InventoryStandIn Inventory { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("services:identity:http:0", Identity.Address.ToString()),
        ("services:inventory:http:0", Inventory.Address),
        ("Approvals:MembersKept", "00:00:00.05"),
        // What is asked for is looked at at once; nothing waits for the next round.
        ("Approvals:LookEvery", "00:01:00"),
    ];

    /// <summary>A new organisation with somebody who has work done.</summary>
    public Desk Desk() => new(this);

    /// <summary>A new organisation whose members have to agree to what is done.</summary>
    public Board Board() => new(this);
}
