using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests;

/// <summary>Orders running alone; the tests play Inventory.</summary>
public class OrdersFixture() : ServiceFixture("orders", typeof(OrdersDb))
{
    public Shop Shop() => new(this, Guid.NewGuid());
}

[CollectionDefinition(nameof(OrdersCollection))]
public sealed class OrdersCollection : ICollectionFixture<OrdersFixture>;
