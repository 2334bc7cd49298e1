using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.OperationTracking.Tests.OperationsFixture))]

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public class OperationsFixture : ServiceFixture
{
    public OperationsFixture()
        : base("operations", typeof(OperationsDb))
    {
    }

    /// <summary>A new organisation with somebody who has work done.</summary>
    public Desk Desk() => new(this);
}
