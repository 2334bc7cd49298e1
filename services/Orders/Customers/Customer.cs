namespace OpsPlatform.Orders.Customers;

/// <summary>A person who ordered, known by an e-mail address or by the id another system gave.</summary>
internal sealed class Customer
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public string? Email { get; init; }

    public string? ExternalId { get; init; }

    public string? Name { get; init; }

    public long RowVersion { get; private set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset UpdatedAt { get; private set; }
}

/// <summary>A customer as the API shows it.</summary>
internal sealed record CustomerView(
    Guid Id, string? Email, string? ExternalId, string? Name, long RowVersion, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
