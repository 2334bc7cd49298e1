using System.Net;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Registry.History;
using OpsPlatform.Registry.Routes;
using OpsPlatform.ServiceDefaults.Registry;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Registry.Instances;

/// <summary>Registers an instance the first time and renews its lease every time. An unchanged instance costs one small UPDATE.</summary>
internal static class Announce
{
    /// <summary>Of one service at a time: a restart that goes wrong again and again must not fill the list that every gateway reads.</summary>
    public const int MaxLive = 100;

    private const string RenewSql = """
        UPDATE instances SET last_heartbeat_at = clock_timestamp(), health = $6
        WHERE id = $1 AND service = $2 AND key_hash = $3 AND address = $4 AND reported = $5 AND state NOT IN ('lost', 'stopped')
        RETURNING state, reason
        """;

    public static async Task<Results<Ok<LeaseResponse>, ProblemHttpResult>> Handle(
        string service, Guid id, AnnounceRequest request, HttpContext http, Caller caller, [FromKeyedServices(InstanceEndpoints.Looks)] NpgsqlDataSource looks,
        RegistryDb db, Probe probe, RouteSignal routes, RegistrySettings settings, CancellationToken cancel)
    {
        if (request.Status is InstanceState.Lost or InstanceState.Stopped)
        {
            return Problems.BadReport("status");
        }

        if (!InstanceAddress.TryParse(request.Address, out var uri, out var wrong))
        {
            return Problems.AddressRefused(wrong);
        }

        if (uri.IsLoopback && http.Connection.RemoteIpAddress is { } from && !IPAddress.IsLoopback(from))
        {
            return Problems.AddressRefused("leads each machine to itself, and the instance is on another one");
        }

        var address = uri.GetLeftPart(UriPartial.Authority);
        var hash = Instance.Hash(request.Key);
        if (await Renewed(looks, id, service, hash, address, request, cancel) is var (state, reason))
        {
            return Lease(state, reason, settings);
        }

        // Outside the transaction: a probe may take seconds, and others register meanwhile.
        var before = await db.Instances.AsNoTracking().FirstOrDefaultAsync(x => x.Id == id, cancel);
        var isProbed = Instance.IsRoutable(request.Status)
            && !(before is { State: InstanceState.Healthy or InstanceState.Degraded, ProbeError: null } && before.Address == address);
        var failure = isProbed ? await probe.Failure(address, cancel) : before?.ProbeError;

        caller.Become(null, service);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var now = await db.LockList(cancel);
        var instance = await db.Instances.FirstOrDefaultAsync(x => x.Id == id, cancel);
        if (instance is not null && (instance.Service != service || !instance.KeyHash.AsSpan().SequenceEqual(hash)))
        {
            return Problems.NotYourInstance(id);
        }

        if (instance?.State is InstanceState.Stopped)
        {
            return Problems.InstanceStopped(id);
        }

        if (await TakeAddress(db, address, id, service, instance, now, cancel) is { } refusal)
        {
            return refusal;
        }

        if (instance is not { IsLive: true }
            && await db.Instances.CountAsync(x => x.Service == service && x.State != InstanceState.Lost && x.State != InstanceState.Stopped, cancel) >= MaxLive)
        {
            return Problems.TooManyInstances(service, MaxLive);
        }

        if (instance is null)
        {
            db.Instances.Add(instance = New(id, service, hash, address, request, now));
        }

        (instance.Address, instance.Reported, instance.Health, instance.LastHeartbeatAt) = (address, request.Status, Instance.HealthOf(request), now);
        if (isProbed)
        {
            (instance.ProbeError, instance.ProbedAt) = (failure, now);
            instance.Reached |= failure is null;
        }

        var (next, why) = instance.Assess();
        db.Change(instance, next, why, now);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        routes.Changed();
        return Lease(instance.State, instance.Reason, settings);
    }

    private static async Task<(InstanceState State, string Reason)?> Renewed(
        NpgsqlDataSource looks, Guid id, string service, byte[] hash, string address, AnnounceRequest request, CancellationToken cancel)
    {
        await using var renew = looks.CreateCommand(RenewSql);
        renew.Parameters.Add(new() { Value = id });
        renew.Parameters.Add(new() { Value = service });
        renew.Parameters.Add(new() { Value = hash });
        renew.Parameters.Add(new() { Value = address });
        renew.Parameters.Add(new() { Value = HealthChange.Name(request.Status) });
        renew.Parameters.Add(new() { Value = Instance.HealthOf(request), NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Jsonb });
        await using var row = await renew.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? (Enum.Parse<InstanceState>(row.GetString(0), ignoreCase: true), row.GetString(1)) : null;
    }

    /// <summary>What answers at an address is who came there last: an older instance of the same service is gone.</summary>
    private static async Task<ProblemHttpResult?> TakeAddress(
        RegistryDb db, string address, Guid id, string service, Instance? self, DateTimeOffset now, CancellationToken cancel)
    {
        var holder = await db.Instances.FirstOrDefaultAsync(
            x => x.Address == address && x.Id != id && x.State != InstanceState.Lost && x.State != InstanceState.Stopped, cancel);
        if (holder is null)
        {
            return null;
        }

        if (holder.Service != service || self?.RegisteredAt < holder.RegisteredAt)
        {
            return Problems.AddressTaken(address, holder.Service);
        }

        db.Change(holder, InstanceState.Lost, $"Instance {id} has taken its address.", now);
        // The index allows one live row per address at any moment, so the older one goes first.
        await db.SaveChangesAsync(cancel);
        return null;
    }

    private static Instance New(Guid id, string service, byte[] hash, string address, AnnounceRequest request, DateTimeOffset now) => new()
    {
        Id = id,
        Service = service,
        KeyHash = hash,
        Address = address,
        Health = "[]",
        Version = request.Version,
        HostName = request.HostName,
        ProcessId = request.ProcessId,
        StartedAt = now - TimeSpan.FromSeconds(request.UptimeSeconds),
        RegisteredAt = now,
        ProbedAt = now,
    };

    private static Ok<LeaseResponse> Lease(InstanceState state, string reason, RegistrySettings settings) =>
        TypedResults.Ok(new LeaseResponse(state, reason, (int)settings.Heartbeat.TotalMilliseconds, (int)settings.Lease.TotalMilliseconds));
}
