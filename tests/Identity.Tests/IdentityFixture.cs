using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.Identity.Users;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

/// <summary>
/// The service with its demo organisation and a clock that tests may put forward. Its workers run often, and hashing fails once
/// under the demo organisation.
/// </summary>
public sealed class IdentityFixture() : ServiceFixture("identity", typeof(IdentityDb))
{
    public const string Password = "right horse battery";

    public ShiftedTime Time { get; } = new();

    internal WatchedHasher Hasher { get; } = new();

    internal WatchedLog Log { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [("Demo:Enabled", "true"), ("SigningKeys:ReadEvery", "00:00:00.2")];

    protected override void Configure(IServiceCollection services)
    {
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<IPasswordHasher<User>>(Hasher);
        services.AddSingleton<ILoggerProvider>(Log);
    }

    public static string NewEmail() => $"{Guid.NewGuid():N}@example.test";

    public static object Registration(string email, string organisation = "Corner Café") => new
    {
        email,
        password = Password,
        displayName = "Ada",
        organisation = new { name = organisation, currency = "EUR", timeZone = "Europe/Berlin", dayStartsAt = "04:00" },
    };

    public async Task<Person> Register()
    {
        var email = NewEmail();
        var session = await Post<SessionAnswer>("/identity/register", Registration(email));

        return new Person(email, session, ClientOf(session));
    }

    /// <summary>A new person opens an account with an invitation to the owner's organisation.</summary>
    public async Task<Person> Join(Person owner, string role)
    {
        var email = NewEmail();
        var session = await Post<SessionAnswer>("/identity/register", Acceptance(email, (await Invite(owner, email, role)).Code));

        return new Person(email, session, ClientOf(session));
    }

    public static object Acceptance(string email, string invitationCode) => new { email, password = Password, displayName = "Bo", invitationCode };

    public static async Task<InvitationAnswer> Invite(Person host, string email, string role = "staff")
    {
        var response = await host.Client.PostAsJsonAsync("/identity/invitations", new { email, role });
        response.StatusCode.ShouldBe(HttpStatusCode.Created, await response.Content.ReadAsStringAsync());

        return (await response.Content.ReadFromJsonAsync<InvitationAnswer>())!;
    }

    public HttpClient ClientOf(SessionAnswer session) => ClientWith(session.AccessToken);

    public HttpClient ClientWith(string token)
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);

        return client;
    }

    public async Task<HttpResponseMessage> Post(string path, object body)
    {
        using var client = Anonymous();

        return await client.PostAsJsonAsync(path, body);
    }

    public async Task<T> Post<T>(string path, object body)
    {
        var response = await Post(path, body);
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync());

        return (await response.Content.ReadFromJsonAsync<T>())!;
    }
}

public sealed record SessionAnswer(Guid UserId, Guid OrganisationId, string AccessToken, string RefreshToken, int ExpiresIn, string TokenType);

public sealed record InvitationAnswer(Guid Id, string Code, string Email, string Role, DateTimeOffset ExpiresAt);

public sealed record Person(string Email, SessionAnswer Session, HttpClient Client);
