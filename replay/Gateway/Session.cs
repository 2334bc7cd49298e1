using System.Net;

namespace OpsPlatform.Replay.Gateway;

/// <summary>A login kept alive: the token is renewed before it ends, and by signing in again when renewing is refused.</summary>
internal sealed class Session : IDisposable
{
    private static readonly TimeSpan RenewBefore = TimeSpan.FromSeconds(60);

    private readonly GatewayClient client;
    private readonly TimeProvider clock;
    private readonly string email;
    private readonly string password;
    private readonly SemaphoreSlim renewing = new(1);
    private Tokens tokens;
    // Ticks, because requests read it without a lock.
    private long renewAtTicks;

    private Session(GatewayClient client, TimeProvider clock, string email, string password, Tokens tokens)
    {
        this.client = client;
        this.clock = clock;
        this.email = email;
        this.password = password;
        this.tokens = tokens;
        Keep(tokens);
        OrganisationId = tokens.OrganisationId;
    }

    public Guid OrganisationId { get; }

    private bool IsFresh => clock.GetUtcNow().UtcTicks < Volatile.Read(ref renewAtTicks);

    /// <exception cref="InputException">The credentials are refused.</exception>
    public static async Task<Session> Login(GatewayClient client, TimeProvider clock, string email, string password, CancellationToken cancel) =>
        new(client, clock, email, password, await SignIn(client, email, password, null, cancel));

    /// <summary>Makes an organisation with an owner.</summary>
    /// <exception cref="InputException">The registration is refused.</exception>
    public static async Task<Session> Register(
        GatewayClient client, TimeProvider clock, Registration registration, CancellationToken cancel)
    {
        var answer = await client.Send(HttpMethod.Post, "identity/register", registration, cancel, anonymous: true);

        if (answer.IsSuccess)
        {
            return new Session(client, clock, registration.Email, registration.Password, answer.Read<Tokens>());
        }

        // An earlier attempt whose answer was lost may have made the organisation.
        return answer is { Status: HttpStatusCode.Conflict, Attempt: > 1 }
            ? await Login(client, clock, registration.Email, registration.Password, cancel)
            : throw new InputException($"The organisation could not be registered: {answer.Describe()}");
    }

    public async ValueTask<string> Token(CancellationToken cancel)
    {
        if (IsFresh)
        {
            return tokens.AccessToken;
        }

        await renewing.WaitAsync(cancel);

        try
        {
            if (!IsFresh)
            {
                Keep(await Renew(cancel));
            }

            return tokens.AccessToken;
        }
        finally
        {
            renewing.Release();
        }
    }

    /// <summary>A service did not take the token: the next request renews it, unless another request already did.</summary>
    public void Reject(string token)
    {
        if (tokens.AccessToken == token)
        {
            Volatile.Write(ref renewAtTicks, 0);
        }
    }

    public void Dispose() => renewing.Dispose();

    private async Task<Tokens> Renew(CancellationToken cancel)
    {
        var answer = await client.Send(HttpMethod.Post, "identity/refresh", new { tokens.RefreshToken }, cancel, anonymous: true);

        // Each refresh token counts once, so an answer lost on the way leaves only the password.
        return answer.IsSuccess ? answer.Read<Tokens>() : await SignIn(client, email, password, OrganisationId, cancel);
    }

    private void Keep(Tokens fresh)
    {
        var life = TimeSpan.FromSeconds(fresh.ExpiresIn);
        tokens = fresh;
        Volatile.Write(ref renewAtTicks, (clock.GetUtcNow() + (life > 2 * RenewBefore ? life - RenewBefore : life / 2)).UtcTicks);
    }

    private static async Task<Tokens> SignIn(GatewayClient client, string email, string password, Guid? organisationId, CancellationToken cancel)
    {
        object body = organisationId is null ? new { email, password } : new { email, password, organisationId };
        var answer = await client.Send(HttpMethod.Post, "identity/login", body, cancel, anonymous: true);

        return answer.IsSuccess
            ? answer.Read<Tokens>()
            : throw new InputException(
                $"The login of {email} was refused: {answer.Describe()}. Give --email and --password, or --register NAME for a fresh organisation.");
    }
}
