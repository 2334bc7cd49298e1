using System.Net;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Consistency;

/// <summary>The services whose changes the feed carries, asked over HTTP as this service.</summary>
internal sealed class Sources(ServiceClient client, IConfiguration configuration)
{
    /// <summary>Every service this one is told the address of; one that tracks nothing answers so, or 404.</summary>
    public IReadOnlyList<string> Names { get; } =
        [.. configuration.GetSection("services").GetChildren().Select(service => service.Key).Where(name => name is not ("gateway" or "sync")).Order(StringComparer.Ordinal)];

    /// <returns>Null from a service that has no such endpoint: its changes are none of the feed's.</returns>
    public async Task<ChangeState?> State(string service, CancellationToken cancel)
    {
        try
        {
            return await client.Get<ChangeState>(Self(), service, $"/{service}/changes/state", cancel);
        }
        catch (HttpRequestException refusal) when (refusal.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <returns>Every organisation's digest of the table; pages were read one after the other, each of one moment.</returns>
    public async Task<Dictionary<Guid, RowDigest>> Organisations(string service, string entityType, CancellationToken cancel)
    {
        var found = new Dictionary<Guid, RowDigest>();
        string? cursor = null;
        do
        {
            var page = await client.Get<RowDigests>(
                Self(), service, $"/{service}/changes/digest?entityType={Uri.EscapeDataString(entityType)}{(cursor is null ? "" : $"&cursor={cursor}")}", cancel);
            foreach (var digest in page.Items)
            {
                found[Guid.Parse(digest.Key)] = digest;
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return found;
    }

    public async Task<IReadOnlyList<RowDigest>> Buckets(TableKey table, int buckets, CancellationToken cancel) => (await client.Get<RowDigests>(
        Self(), table.Service,
        $"/{table.Service}/changes/digest?entityType={Uri.EscapeDataString(table.EntityType)}&organisationId={table.Org}&buckets={buckets}", cancel)).Items;

    public async Task<IReadOnlyList<SourceRow>> Rows(TableKey table, IReadOnlyCollection<string> ids, CancellationToken cancel) => (await Post<SourceRows>(
        table.Service, "rows", new { organisationId = table.Org, entityType = table.EntityType, ids }, cancel)).Items;

    public async Task<IReadOnlyList<SourceRow>> Rows(TableKey table, int buckets, IReadOnlyCollection<long> inBuckets, CancellationToken cancel) => (await Post<SourceRows>(
        table.Service, "rows", new { organisationId = table.Org, entityType = table.EntityType, buckets, inBuckets }, cancel)).Items;

    /// <summary>Has the rows captured once more; a service takes at most 1,000 at a time.</summary>
    public async Task<IReadOnlyList<EmittedChange>> Emit(TableKey table, IEnumerable<(string Id, long? KnownVersion)> rows, string? actor, CancellationToken cancel) => (await Post<EmittedChanges>(
        table.Service, "emit",
        new { organisationId = table.Org, entityType = table.EntityType, rows = rows.Select(row => new { id = row.Id, knownVersion = row.KnownVersion }), actor },
        cancel)).Items;

    public async Task<IReadOnlyList<UnsentChange>> Unsent(string service, Guid org, string status, CancellationToken cancel)
    {
        try
        {
            return (await client.Get<UnsentChanges>(Self(), service, $"/{service}/changes/unsent?organisationId={org}&status={status}", cancel)).Items;
        }
        catch (HttpRequestException refusal) when (refusal.StatusCode == HttpStatusCode.NotFound)
        {
            return [];
        }
    }

    public async Task Send(string service, CancellationToken cancel)
    {
        using var response = await client.Send(Self(), service, HttpMethod.Post, $"/{service}/changes/send", null, cancel);
        response.EnsureSuccessStatusCode();
    }

    private Task<T> Post<T>(string service, string what, object body, CancellationToken cancel) =>
        client.Post<T>(Self(), service, $"/{service}/changes/{what}", body, cancel);

    /// <summary>This service for itself: it compares every organisation's data.</summary>
    private static Caller Self()
    {
        var caller = new Caller();
        caller.ActFor(null, "sync");
        return caller;
    }
}

/// <summary>One organisation's rows of one tracked table.</summary>
internal readonly record struct TableKey(Guid Org, string Service, string EntityType);
