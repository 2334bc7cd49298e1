using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Consistency;

namespace OpsPlatform.Sync.Tests;

/// <summary>
/// Plays inventory with one tracked table: it answers for the rows it was told of, and repairs by sending. Asked anything else it
/// fails, and the fixture says so.
/// </summary>
public sealed class SourceStandIn : IAsyncDisposable
{
    private const string Entity = "ingredient";
    private const string Recipe = "recipe";
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<string, Row>> _orgs = new();
    private long _writes;
    private NpgsqlDataSource? _sql;

    private SourceStandIn(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    public ConcurrentQueue<string> NotUnderstood { get; } = [];

    /// <summary>How often an organisation's rows were asked for.</summary>
    public ConcurrentDictionary<Guid, int> RowsAsked { get; } = new();

    /// <summary>How often an organisation's buckets were asked for: once a comparison.</summary>
    public ConcurrentDictionary<Guid, int> BucketsAsked { get; } = new();

    /// <summary>Digests of the ingredients are then refused as by a service whose database takes too long.</summary>
    public bool RefusesDigests { get; set; }

    /// <summary>It then tracks a second table, without rows.</summary>
    public bool HasRecipes { get; set; }

    public int RecipesCompared { get; private set; }

    public int StatesAsked { get; private set; }

    public int DigestsRefused { get; private set; }

    /// <summary>How often rows were captured once more.</summary>
    public ConcurrentDictionary<Guid, int> Emitted { get; } = new();

    /// <summary>Sends what is captured once more; set it before a resync.</summary>
    public Func<Guid, EmittedChange, Task> Send { get; set; } = (_, _) => throw new InvalidOperationException("Nobody said how to send.");

    public Func<Guid, IReadOnlyList<UnsentChange>> Unsent { get; set; } = _ => [];

    public sealed record Row(long? Version, bool Pending, long WaitsMs = 0, long Failed = 0);

    public static async Task<SourceStandIn> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var source = new SourceStandIn(app);
        app.Run(source.Answer);
        await app.StartAsync();
        return source;
    }

    /// <summary>Hashes are PostgreSQL's own.</summary>
    public void HashWith(NpgsqlDataSource sql) => _sql = sql;

    public void Set(Guid org, string id, long? version, bool pending = false, long waitsMs = 0, long failed = 0)
    {
        _orgs.GetOrAdd(org, _ => new())[id] = new(version, pending, waitsMs, failed);
        Interlocked.Increment(ref _writes);
    }

    /// <summary>Nobody answers at its address from here on.</summary>
    public Task Stop() => _app.StopAsync();

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task Answer(HttpContext http)
    {
        try
        {
            if (RefusesDigests && http.Request.Path == "/inventory/changes/digest" && http.Request.Query["entityType"] == Entity)
            {
                DigestsRefused++;
                http.Response.StatusCode = 503;
                return;
            }

            object answer = (http.Request.Method, http.Request.Path.Value) switch
            {
                ("GET", "/inventory/changes/state") => State(),
                ("GET", "/inventory/changes/digest") => await Digest(http.Request),
                ("POST", "/inventory/changes/rows") => await Rows(await Body(http)),
                ("POST", "/inventory/changes/emit") => await Emit(await Body(http)),
                ("GET", "/inventory/changes/unsent") => new UnsentChanges(Unsent(Guid.Parse(http.Request.Query["organisationId"]!))),
                var asked => throw new NotSupportedException($"{asked.Method} {asked.Value}"),
            };
            await http.Response.WriteAsJsonAsync(answer, ServiceDefaults.Http.Json.Options);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            NotUnderstood.Enqueue(exception.ToString());
            http.Response.StatusCode = 500;
        }
    }

    private ChangeState State()
    {
        StatesAsked++;
        return new(
            "inventory", DateTimeOffset.UtcNow, true, 500, 3, [new(Entity, "ingredients", Interlocked.Read(ref _writes)), .. HasRecipes ? (TrackedTable[])[new(Recipe, "recipes", Interlocked.Read(ref _writes))] : []],
            [
                .. _orgs.Select(org => new Backlog(
                        org.Key, org.Value.Values.Count(row => row.Pending), org.Value.Values.Select(row => row.WaitsMs).DefaultIfEmpty(0).Max(), org.Value.Values.Sum(row => row.Failed)))
                    .Where(backlog => backlog.Pending + backlog.Failed > 0),
            ],
            false);
    }

    private async Task<RowDigests> Digest(HttpRequest request)
    {
        if (HasRecipes && request.Query["entityType"] == Recipe)
        {
            RecipesCompared++;
            return new([], null);
        }

        Known(request.Query["entityType"]!);
        if (request.Query["organisationId"].ToString() is not { Length: > 0 } org)
        {
            var all = new List<RowDigest>();
            foreach (var (id, rows) in _orgs)
            {
                all.AddRange((await Hash(rows, 1)).Select(digest => digest with { Key = id.ToString() }));
            }

            return new(all, null);
        }

        BucketsAsked.AddOrUpdate(Guid.Parse(org), 1, (_, count) => count + 1);
        return new(await Hash(Find(Guid.Parse(org)), int.Parse(request.Query["buckets"]!)), null);
    }

    private async Task<SourceRows> Rows(JsonElement body)
    {
        var org = body.GetProperty("organisationId").GetGuid();
        Known(body.GetProperty("entityType").GetString()!);
        RowsAsked.AddOrUpdate(org, 1, (_, count) => count + 1);
        var rows = Find(org).ToArray();
        if (body.TryGetProperty("ids", out var ids))
        {
            var wanted = ids.EnumerateArray().Select(id => id.GetString()!).ToHashSet();
            return new([.. rows.Where(row => wanted.Contains(row.Key)).Select(row => new SourceRow(row.Key, row.Value.Version, row.Value.Pending))]);
        }

        var buckets = body.GetProperty("inBuckets").EnumerateArray().Select(bucket => bucket.GetInt64()).ToHashSet();
        var at = await Buckets([.. rows.Select(row => row.Key)], body.GetProperty("buckets").GetInt32());
        return new([.. rows.Where((_, index) => buckets.Contains(at[index])).Select(row => new SourceRow(row.Key, row.Value.Version, row.Value.Pending))]);
    }

    private async Task<EmittedChanges> Emit(JsonElement body)
    {
        var org = body.GetProperty("organisationId").GetGuid();
        Emitted.AddOrUpdate(org, 1, (_, count) => count + 1);
        List<EmittedChange> emitted = [];
        foreach (var row in body.GetProperty("rows").EnumerateArray())
        {
            var id = row.GetProperty("id").GetString()!;
            var known = row.GetProperty("knownVersion") is { ValueKind: JsonValueKind.Number } version ? version.GetInt64() : (long?)null;
            var now = Find(org).GetValueOrDefault(id)?.Version;
            if ((now ?? known + 1) is { } rowVersion)
            {
                emitted.Add(new(id, now is null ? "delete" : "update", rowVersion));
                await Send(org, emitted[^1]);
            }
        }

        return new(emitted);
    }

    private ConcurrentDictionary<string, Row> Find(Guid org) => _orgs.GetValueOrDefault(org) ?? new();

    private static void Known(string entityType) => entityType.ShouldBe(Entity);

    private static async Task<JsonElement> Body(HttpContext http) => (await JsonDocument.ParseAsync(http.Request.Body)).RootElement;

    private async Task<List<RowDigest>> Hash(IEnumerable<KeyValuePair<string, Row>> rows, int buckets)
    {
        var present = rows.Where(row => row.Value.Version is not null).ToArray();
        await using var hash = _sql!.CreateCommand($"""
            SELECT {DigestSql.Bucket("id", "$3")}::text, {DigestSql.Numbers("id", "version")} FROM unnest($1::text[], $2::bigint[]) r (id, version) GROUP BY 1
            """);
        hash.Parameters.Add(new() { Value = present.Select(row => row.Key).ToArray() });
        hash.Parameters.Add(new() { Value = present.Select(row => row.Value.Version!.Value).ToArray() });
        hash.Parameters.Add(new() { Value = buckets });
        await using var row = await hash.ExecuteReaderAsync();
        List<RowDigest> found = [];
        while (await row.ReadAsync())
        {
            found.Add(new(row.GetString(0), row.GetInt64(1), row.GetDecimal(2), row.GetDecimal(3)));
        }

        return found;
    }

    private async Task<long[]> Buckets(string[] ids, int buckets)
    {
        await using var find = _sql!.CreateCommand($"SELECT array_agg({DigestSql.Bucket("id", "$2")} ORDER BY n) FROM unnest($1::text[]) WITH ORDINALITY r (id, n)");
        find.Parameters.Add(new() { Value = ids });
        find.Parameters.Add(new() { Value = buckets });
        return await find.ExecuteScalarAsync() as long[] ?? [];
    }
}
