using System.Text.Json;

namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>One organisation with its owner, and what its owner has made; everything nameable bears the marker.</summary>
public sealed partial class World
{
    private readonly AttackSystem _system;
    private readonly Dictionary<string, Member> _byRole = [];
    private int _made;

    private World(AttackSystem system, string name)
    {
        _system = system;
        Marker = $"{name}{Guid.NewGuid():N}"[..24];
        Leaks = new(Marker);
    }

    public const string Password = "Correct-Horse-9";

    /// <summary>Part of every name, code and address in this world and of none elsewhere.</summary>
    public string Marker { get; }

    /// <summary>Knows what is this world's own.</summary>
    public Leaks Leaks { get; }

    /// <summary>Of the organisation.</summary>
    public Guid Id => Owner.OrganisationId;

    public Member Owner { get; private set; } = null!;

    public static async Task<World> Found(AttackSystem system, string name)
    {
        var world = new World(system, name);
        world.Owner = Member.Of(world.Email("owner"), await world.Ok(Call.Post("/identity/register", world.Registration(world.Email("owner"))), token: null));
        return world;
    }

    /// <summary>A member with exactly that role, made at the first asking; the owner for owner.</summary>
    public async Task<Member> As(string role) => role == "owner" ? Owner
        : _byRole.TryGetValue(role, out var known) ? known
        : _byRole[role] = await NewMember(role);

    /// <summary>Somebody who has just joined.</summary>
    public async Task<Member> NewMember(string role = "viewer")
    {
        var email = Email();
        var (_, code) = await Invite(email, role);
        return Member.Of(email, await Ok(Call.Post("/identity/register", new { email, password = Password, displayName = $"{Marker} {role}", invitationCode = code }), token: null));
    }

    public async Task<(Guid Id, string Code)> Invite(string email, string role = "viewer")
    {
        var invitation = await Ok(Call.Post("/identity/invitations", new { email, role }));
        return (invitation.GetProperty("id").GetGuid(), invitation.GetProperty("code").GetString()!);
    }

    /// <summary>The code of an invitation to this world's owner, by an organisation founded for it.</summary>
    public async Task<string> InvitationFromElsewhere() => (await (await Found(_system, "elsewhere")).Invite(Owner.Email)).Code;

    public async Task<Guid> ApiKey() =>
        (await Ok(Call.Post("/identity/api-keys", new { name = Name("till"), scopes = new[] { "orders:read" } }))).GetProperty("id").GetGuid();

    /// <summary>A session of the owner beside the one at hand.</summary>
    public async Task<Guid> OtherSession()
    {
        await Ok(Call.Post("/identity/login", new { email = Owner.Email, password = Password }), token: null);
        return (await Ok(Call.Get("/identity/sessions"))).GetProperty("items").EnumerateArray()
            .First(session => !session.GetProperty("current").GetBoolean()).GetProperty("id").GetGuid();
    }

    /// <summary>Sends as the owner and answers the body, which must be a success.</summary>
    public Task<JsonElement> Ok(Call call) => Ok(call, Owner.Token);

    private async Task<JsonElement> Ok(Call call, string? token)
    {
        var answer = await _system.Send(call, token);
        if (answer.IsSuccess)
        {
            Leaks.Learn(answer.Json);
            return answer.Json;
        }

        throw new InvalidOperationException($"{call.Method} {call.Path} was to be a valid request: {answer}");
    }

    /// <summary>Different at every call, and of this world.</summary>
    public string Name(string what) => $"{what}-{Interlocked.Increment(ref _made)}-{Marker}";

    public string Email(string? who = null) => $"{who ?? Name("person")}.{Marker}@example.org";
}

/// <summary>A person and the session they have open.</summary>
public sealed record Member(string Email, Guid UserId, Guid OrganisationId, string Token, string RefreshToken)
{
    public static Member Of(string email, JsonElement session) => new(
        email,
        session.GetProperty("userId").GetGuid(),
        session.GetProperty("organisationId").GetGuid(),
        session.GetProperty("accessToken").GetString()!,
        session.GetProperty("refreshToken").GetString()!);
}
