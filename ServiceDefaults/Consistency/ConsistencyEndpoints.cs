using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>What Sync asks every service: how its changes stand, digests of its tracked tables, and to capture rows once more.</summary>
internal static class ConsistencyEndpoints
{
    public static void MapConsistency(this WebApplication app, string service)
    {
        var changes = app.MapApi($"/{service}/changes", Roles.Service).WithTags("changes");
        changes.MapGet("/state", GetChangeState.Handle)
            .WithSummary("How far this service's captured changes have travelled, per organisation, and which tables are tracked.");
        changes.MapGet("/digest", GetDigest.Handle)
            .WithSummary("Row counts, version sums and order-independent hashes of a tracked table, per organisation or per bucket of one.");
        changes.MapPost("/rows", ReadRows.Handle)
            .WithSummary("Ids and versions of an organisation's rows in given buckets or with given ids.");
        changes.MapGet("/unsent", ListUnsent.Handle)
            .WithSummary("The newest of an organisation's changes that wait or were set aside.");

        // They make work for the relays of all organisations.
        var relay = app.MapApi($"/{service}/changes", Roles.Platform).WithTags("changes");
        relay.MapPost("/emit", EmitChanges.Handle)
            .WithSummary("Captures rows once more as they are now, for a reader that lost them.");
        relay.MapPost("/send", SendChanges.Handle)
            .WithSummary("Sends the captured changes that wait, where SYNC_AUTO is off.");
    }

    /// <summary>A service that acts for itself may ask about any organisation, and so may the operator where one is let in; everybody else about the own one only.</summary>
    public static bool MayAskFor(this ClaimsPrincipal user, Caller caller, Guid? organisation) =>
        caller.OrgId is { } own ? organisation == own : user.IsInRole(Roles.Service) || user.IsInRole(Roles.Operator);

    public static ProblemHttpResult NotYours() => Problem.Of(
        "forbidden", StatusCodes.Status403Forbidden, "This organisation's data is not yours to compare.", "Ask for the organisation of your token.");

    public static ProblemHttpResult NotTracked(string entityType) => Problem.Of(
        "not-tracked", StatusCodes.Status404NotFound, "No tracked table has this entity type.", $"'{entityType}' is not in /changes/state.");

    /// <returns>The quoted name of the table with this entity type; null when there is none.</returns>
    public static async Task<string?> TableOf(ServiceDatabase database, string entityType, CancellationToken cancel)
    {
        await using var find = database.Digest.CreateCommand("SELECT quote_ident(name) FROM ops_tracked_tables() WHERE entity = $1");
        find.Parameters.Add(new() { Value = entityType });
        return await find.ExecuteScalarAsync(cancel) as string;
    }

    public static async Task<List<T>> Read<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancel)
    {
        await using var row = await command.ExecuteReaderAsync(cancel);
        List<T> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(read(row));
        }

        return found;
    }
}
