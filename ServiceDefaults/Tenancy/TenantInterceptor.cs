using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Tenancy;

/// <summary>Tells every connection, each time it is opened, on whose behalf it works; row-level security and capture read it there.</summary>
internal sealed class TenantInterceptor(Caller caller) : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = Tenant.Command((NpgsqlConnection)connection, caller);
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = Tenant.Command((NpgsqlConnection)connection, caller);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

public static class Tenant
{
    /// <summary>Opens the transaction at hand, which may be one batch, to the organisation's rows, and nothing after it.</summary>
    public static NpgsqlBatchCommand ForTransaction(Guid org) => new("SELECT set_config('app.org_id', $1, true)") { Parameters = { new() { Value = org.ToString() } } };

    /// <summary>Within the transaction at hand, each of these entities is created on behalf of its own caller.</summary>
    public static NpgsqlBatchCommand ForEntities(IEnumerable<(Guid Id, Behalf Behalf)> created) => new("SELECT set_config('app.contexts', $1, true)")
    {
        Parameters = { new() { Value = $"{{{string.Join(',', created.Select(x => $"\"{x.Id}\":{x.Behalf.Context}"))}}}" } },
    };

    private const string Sql = "SELECT set_config('app.org_id', $1, false), set_config('app.actor', $2, false), set_config('app.context', $3, false)";

    /// <summary>Sets the caller on an open connection; without an organisation no tenant's rows are visible.</summary>
    public static NpgsqlCommand Command(NpgsqlConnection connection, Caller caller) => new(Sql, connection)
    {
        Parameters =
        {
            new() { Value = caller.OrgId?.ToString() ?? "" },
            new() { Value = caller.Actor ?? "" },
            new() { Value = caller.Context },
        },
    };
}
