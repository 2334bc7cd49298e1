using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>
/// Looks at approvals that are asked for, at those whose deadline, reminder or escalation has come, and at all of an organisation whose
/// members have changed. Every replica does it; each approval is one's at a time, and what was done is not done again.
/// </summary>
internal sealed partial class LookAfterApprovals(
    ServiceDatabase database, IServiceScopeFactory scopes, MemberDirectory directory, ApprovalSignal signal, IOptions<ApprovalOptions> options, TimeProvider time,
    ILogger<LookAfterApprovals> log) : BackgroundService
{
    private const string DueSql = "SELECT org_id, operation_id FROM approvals WHERE state = 'open' AND next_look_at <= $2 AND org_id <> ALL ($1) ORDER BY next_look_at LIMIT 500";
    private const string EarlySql = "SELECT org_id, operation_id FROM early_plans WHERE org_id <> ALL ($1) ORDER BY heard_at LIMIT 500";
    private const string OrganisationsSql = "SELECT DISTINCT org_id, org_id FROM approvals WHERE state = 'open'";
    private const string OfOrganisationSql = "SELECT org_id, operation_id FROM approvals WHERE state = 'open' AND org_id = $1";

    /// <summary>The members by whom all of an organisation's approvals were looked at last.</summary>
    private Dictionary<Guid, IReadOnlyList<Member>> _seen = [];

    /// <summary>Organisations of which somebody held something at this look: the rest of theirs, of which there may be many, waits for the look after the next.</summary>
    private HashSet<Guid> _putOff = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            var woken = signal.Next;
            await Tried(() => Look(stoppingToken), "approvals", stoppingToken);
            await woken.WaitAsync(options.Value.LookEvery, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Look(CancellationToken cancel)
    {
        Guid[] before = [.. _putOff];
        _putOff = [];
        foreach (var (org, id) in await Find(EarlySql, cancel, before))
        {
            await Do(org, id, look => look.ApplyEarlyPlan(id, cancel), cancel);
        }

        var members = new AskedMembers(this);
        foreach (var organisation in (await Find(DueSql, cancel, before, time.GetUtcNow())).GroupBy(x => x.Org))
        {
            var known = await members.Of(organisation.Key, directory.OfNow, cancel);
            foreach (var (org, id) in organisation)
            {
                await Do(org, id, look => look.Look(id, known, cancel), cancel);
            }
        }

        Dictionary<Guid, IReadOnlyList<Member>> seen = [];
        foreach (var (org, _) in await Find(OrganisationsSql, cancel))
        {
            var known = _seen.GetValueOrDefault(org);
            var now = await members.Of(org, directory.Of, cancel) ?? known;
            if (now is not null && (ReferenceEquals(now, known) || await LookAtAll(org, now, cancel)))
            {
                seen[org] = now;
            }
        }

        _seen = seen;
    }

    /// <returns>False when one of them has to be looked at again.</returns>
    private async Task<bool> LookAtAll(Guid org, IReadOnlyList<Member> members, CancellationToken cancel)
    {
        var isDone = true;
        foreach (var (_, id) in await Find(OfOrganisationSql, cancel, org))
        {
            isDone &= await Do(org, id, look => look.Look(id, members, cancel), cancel);
        }

        return isDone;
    }

    private async Task<List<(Guid Org, Guid Id)>> Find(string sql, CancellationToken cancel, params object[] values)
    {
        await using var find = database.Relay.CreateCommand(sql);
        foreach (var value in values)
        {
            find.Parameters.Add(new() { Value = value });
        }

        List<(Guid, Guid)> found = [];
        await using var row = await find.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            found.Add((row.GetGuid(0), row.GetGuid(1)));
        }

        return found;
    }

    private async Task<bool> Do(Guid org, Guid id, Func<LookAtApproval, Task> work, CancellationToken cancel) => !_putOff.Contains(org) && await Tried(
        async () =>
        {
            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, Approving.Self);
            try
            {
                await work(scope.ServiceProvider.GetRequiredService<LookAtApproval>());
            }
            catch (Exception fault) when (LockWait.IsOver(fault))
            {
                _putOff.Add(org);
                throw;
            }
        },
        $"the approval of {id}", cancel);

    /// <summary>What goes wrong with one must not keep the others waiting; it is tried again at the next look.</summary>
    private async Task<bool> Tried(Func<Task> work, string what, CancellationToken cancel)
    {
        try
        {
            await work();
            return true;
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested)
        {
            Later(fault, what);
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }

        return false;
    }

    [LoggerMessage(LogLevel.Warning, "It is looked at {What} later")]
    private partial void Later(Exception fault, string what);

    [LoggerMessage(LogLevel.Warning, "Nothing but deadlines is decided about approvals while it is not known who the members are: {Reason}")]
    private partial void Away(string reason);

    /// <summary>One look's questions: an identity service that did not answer once is not asked again, for deadlines wait behind each question.</summary>
    private sealed class AskedMembers(LookAfterApprovals looker)
    {
        private bool _isAway;

        public async Task<IReadOnlyList<Member>?> Of(Guid org, Func<Guid, CancellationToken, Task<IReadOnlyList<Member>>> ask, CancellationToken cancel)
        {
            if (_isAway)
            {
                return null;
            }

            try
            {
                return await ask(org, cancel);
            }
            catch (ServiceAwayException away)
            {
                _isAway = true;
                looker.Away(away.Message);
                return null;
            }
            catch (Exception fault) when (!cancel.IsCancellationRequested)
            {
                looker.Later(fault, $"the members of {org}");
                return null;
            }
        }
    }
}
