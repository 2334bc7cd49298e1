using System.Text.Json;
using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Who is a member of an organisation and in which role: asked of the identity service and kept for some seconds.</summary>
internal sealed class MemberDirectory(ServiceClient client, IOptions<ApprovalOptions> options, TimeProvider time)
{
    /// <summary>Organisations whose members are kept; beyond that those asked first are asked for anew.</summary>
    private const int MostKept = 1_000;

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    /// <summary>A newer identity service may tell more than is known here.</summary>
    private static readonly JsonSerializerOptions Lenient = new(JsonSerializerDefaults.Web);

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Kept> _kept = [];
    private readonly Dictionary<Guid, Task<Kept>> _asking = [];

    private sealed record Kept(IReadOnlyList<Member> Members, long AskedAt);

    private sealed record Answer(IReadOnlyList<Member> Items);

    /// <returns>The same list as before while nothing about it has changed.</returns>
    /// <exception cref="ServiceAwayException">The identity service did not tell.</exception>
    public async Task<IReadOnlyList<Member>> Of(Guid org, CancellationToken cancel) => (await Since(org, null, cancel)).Members;

    /// <summary>For what is final: asks anew, so that who has just joined is among them.</summary>
    /// <inheritdoc cref="Of"/>
    public async Task<IReadOnlyList<Member>> OfNow(Guid org, CancellationToken cancel)
    {
        var now = time.GetTimestamp();
        Kept kept;
        do
        {
            // What was under way already may have been answered before.
            kept = await Since(org, now, cancel);
        }
        while (kept.AskedAt < now);
        return kept.Members;
    }

    /// <returns>Null when the identity service did not tell.</returns>
    public async Task<IReadOnlyList<Member>?> TryOf(Guid org, CancellationToken cancel)
    {
        try
        {
            return await Of(org, cancel);
        }
        catch (ServiceAwayException)
        {
            return null;
        }
    }

    private Task<Kept> Since(Guid org, long? since, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (_kept.TryGetValue(org, out var kept) && (since is { } least ? kept.AskedAt >= least : time.GetElapsedTime(kept.AskedAt) < options.Value.MembersKept))
            {
                return Task.FromResult(kept);
            }

            // One asks for all who wait, and goes on when one of them gives up.
            if (!_asking.TryGetValue(org, out var asking))
            {
                _asking[org] = asking = Task.Run(() => Ask(org), CancellationToken.None);
            }

            return asking.WaitAsync(cancel);
        }
    }

    private async Task<Kept> Ask(Guid org)
    {
        var askedAt = time.GetTimestamp();
        try
        {
            var caller = new Caller();
            caller.ActFor(org, "operations");
            var members = (await client.Get<Answer>(caller, "identity", "/identity/export/members", Lenient, AnswerWithin, CancellationToken.None)).Items;
            lock (_gate)
            {
                members = _kept.TryGetValue(org, out var before) && before.Members.SequenceEqual(members) ? before.Members : members;
                var kept = _kept[org] = new(members, askedAt);
                if (_kept.Count > MostKept)
                {
                    _kept.Remove(_kept.MinBy(pair => pair.Value.AskedAt).Key);
                }

                return kept;
            }
        }
        catch (HttpRequestException refusal)
        {
            throw new ServiceAwayException("identity", refusal.Message, refusal);
        }
        finally
        {
            lock (_gate)
            {
                _asking.Remove(org);
            }
        }
    }
}
