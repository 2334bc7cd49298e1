using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Testing;

namespace OpsPlatform.Identity.Tests;

/// <summary>The service with its demo organisation and a clock that tests may put forward.</summary>
public sealed class IdentityFixture() : ServiceFixture("identity", typeof(IdentityDb))
{
    public const string Password = "right horse battery";

    public ShiftedTime Time { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [("Demo:Enabled", "true")];

    protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);

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

    /// <summary>Adds a new person to the owner's organisation and logs them in.</summary>
    public async Task<Person> Join(Person owner, string role)
    {
        var email = NewEmail();
        (await owner.Client.PostAsJsonAsync("/identity/members", new { email, displayName = "Bo", password = Password, role })).EnsureSuccessStatusCode();
        var session = await Post<SessionAnswer>("/identity/login", new { email, password = Password });

        return new Person(email, session, ClientOf(session));
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

public sealed record Person(string Email, SessionAnswer Session, HttpClient Client);

/// <summary>The real clock, put forward by Offset for what the service decides; its timers run as ever.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long offsetTicks;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + new TimeSpan(Interlocked.Read(ref offsetTicks));

    public void Forward(TimeSpan by) => Interlocked.Add(ref offsetTicks, by.Ticks);
}
