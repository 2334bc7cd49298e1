using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>How services call each other: the sample service is the neighbour.</summary>
public sealed class ServiceClientTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private const string Nowhere = "http://127.0.0.1:9";
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_service_reaches_its_neighbour_for_an_organisation_and_for_itself_whichever_instance_is_down()
    {
        using var calls = new Calls(fixture.Tokens.Address.ToString(), ("services:orders:http:0", Nowhere), ("services:orders:http:1", fixture.Address.ToString()));
        var caller = new Caller();
        (await calls.Client.Get<Notes.Exported>(caller, "orders", "/export", CancellationToken.None))
            .ShouldBe(new Notes.Exported(null, "analytics", caller.CorrelationId));
        caller.ActFor(_org, "analytics");
        (await calls.Client.Get<Notes.Exported>(caller, "orders", "/export?x=1", CancellationToken.None))
            .ShouldBe(new Notes.Exported(_org, "analytics", caller.CorrelationId));
    }

    [Theory]
    [InlineData("viewer", HttpStatusCode.Forbidden)]
    [InlineData("staff", HttpStatusCode.Forbidden)]
    [InlineData("admin", HttpStatusCode.OK)]
    [InlineData("owner", HttpStatusCode.OK)]
    [InlineData("operator", HttpStatusCode.Forbidden)]
    public async Task What_services_call_admits_admins_of_the_organisation_and_nobody_below(string role, HttpStatusCode expected)
    {
        using var client = fixture.Client(_org, role);
        (await client.GetAsync("/export")).StatusCode.ShouldBe(expected);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_service_passes_no_members_policy(bool forOrganisation)
    {
        using var client = fixture.ServiceClient("analytics", forOrganisation ? _org : null);
        (await client.GetAsync("/notes")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await client.PostAsJsonAsync("/notes", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await client.GetAsync("/orders/errors")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await client.GetAsync("/export")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_token_is_asked_for_once_however_many_need_it_and_again_a_minute_before_it_ends()
    {
        await using var identity = await Identity.Start();
        var time = new FixedTime();
        using var calls = new Calls(identity.Address, time);
        var tokens = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => calls.Tokens.Get(_org, CancellationToken.None)));
        tokens.ShouldAllBe(token => token == $"1 {_org}");
        (await calls.Tokens.Get(null, CancellationToken.None)).ShouldBe("2 ");

        time.Now += TimeSpan.FromMinutes(9) - TimeSpan.FromSeconds(1);
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"1 {_org}");
        time.Now += TimeSpan.FromSeconds(1);
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"3 {_org}");
        calls.Tokens.Forget(_org, $"3 {_org}");
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"4 {_org}");
    }

    [Fact]
    public async Task With_identity_away_a_token_is_used_to_its_end_and_then_the_fault_is_named()
    {
        await using var identity = await Identity.Start();
        var time = new FixedTime();
        using var calls = new Calls(identity.Address, time, ("services:orders:http:0", fixture.Address.ToString()));
        await calls.Tokens.Get(_org, CancellationToken.None);
        identity.Away = true;

        time.Now += TimeSpan.FromMinutes(9.5);
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"1 {_org}");
        time.Now += TimeSpan.FromMinutes(1);
        (await Should.ThrowAsync<ServiceAwayException>(() => calls.Tokens.Get(_org, CancellationToken.None))).Message.ShouldContain("identity service");
        await Should.ThrowAsync<ServiceAwayException>(() => calls.Client.Send(new Caller(), "orders", HttpMethod.Get, "/export"));
        identity.Away = false;
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"2 {_org}");
    }

    [Fact]
    public async Task No_more_tokens_are_kept_than_said_and_those_that_end_first_go()
    {
        await using var identity = await Identity.Start();
        var time = new FixedTime();
        using var calls = new Calls(identity.Address, time);
        await calls.Tokens.Get(_org, CancellationToken.None);
        time.Now += TimeSpan.FromSeconds(1);
        for (var i = 1; i < ServiceTokens.MaxKept; i++)
        {
            await calls.Tokens.Get(Guid.NewGuid(), CancellationToken.None);
        }

        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"1 {_org}");
        await calls.Tokens.Get(Guid.NewGuid(), CancellationToken.None);
        (await calls.Tokens.Get(_org, CancellationToken.None)).ShouldBe($"{ServiceTokens.MaxKept + 2} {_org}");
    }

    [Fact]
    public async Task A_wrong_secret_a_missing_address_and_a_neighbour_that_is_down_say_what_to_do()
    {
        using var wrong = new Calls(fixture.Tokens.Address.ToString(), ("Client:Secret", "wrong"));
        (await Should.ThrowAsync<InvalidOperationException>(() => wrong.Tokens.Get(null, CancellationToken.None))).Message.ShouldContain("Clients__analytics");
        using var calls = new Calls(fixture.Tokens.Address.ToString(), ("services:orders:http:0", Nowhere));
        (await Should.ThrowAsync<ServiceAwayException>(() => calls.Client.Send(new Caller(), "orders", HttpMethod.Get, "/export"))).Message.ShouldContain("orders");
        (await Should.ThrowAsync<InvalidOperationException>(() => calls.Client.Send(new Caller(), "sync", HttpMethod.Get, "/"))).Message.ShouldContain("services__sync__http__0");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_neighbour_that_breaks_off_in_the_middle_of_its_answer_is_away(bool isPost)
    {
        await using var neighbour = await Neighbour(async http =>
        {
            // More than the server buffers: what comes first has left it when this is written.
            await http.Response.WriteAsync($"{{{new string(' ', 1_000_000)}");
            await http.Response.Body.FlushAsync();
            http.Abort();
        });
        using var calls = new Calls(fixture.Tokens.Address.ToString(), ("services:orders:http:0", neighbour.Urls.First()));
        Task<Notes.Exported> Ask() => isPost
            ? calls.Client.Post<Notes.Exported>(new Caller(), "orders", "/x", new { }, CancellationToken.None)
            : calls.Client.Get<Notes.Exported>(new Caller(), "orders", "/x", CancellationToken.None);
        (await Should.ThrowAsync<ServiceAwayException>(Ask)).Message.ShouldContain("whole answer");
    }

    [Theory]
    [InlineData(502, true)]
    [InlineData(503, true)]
    [InlineData(504, true)]
    [InlineData(500, false)]
    [InlineData(404, false)]
    public async Task A_neighbour_that_says_it_cannot_is_away_and_one_that_refuses_is_not(int status, bool isAway)
    {
        await using var neighbour = await Neighbour(http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        using var calls = new Calls(fixture.Tokens.Address.ToString(), ("services:orders:http:0", neighbour.Urls.First()));
        Task<Notes.Exported> Ask() => calls.Client.Get<Notes.Exported>(new Caller(), "orders", "/x?secret=1", CancellationToken.None);
        var fault = isAway ? await Should.ThrowAsync<ServiceAwayException>(Ask) : (Exception)await Should.ThrowAsync<HttpRequestException>(Ask);
        fault.Message.ShouldBe($"The orders service answered {status} to GET /x.");
    }

    private static async Task<WebApplication> Neighbour(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var neighbour = builder.Build();
        neighbour.Run(answer);
        await neighbour.StartAsync();
        return neighbour;
    }

    private sealed class FixedTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    /// <summary>The frame's two classes as the service "analytics" would have them.</summary>
    private sealed class Calls : IDisposable
    {
        public Calls(string identity, params (string Key, string Value)[] more)
            : this(identity, TimeProvider.System, more)
        {
        }

        public Calls(string identity, TimeProvider time, params (string Key, string Value)[] more)
        {
            var settings = new Dictionary<string, string?> { ["services:identity:http:0"] = identity, ["Client:Secret"] = TokenIssuer.SecretOf("analytics") };
            foreach (var (key, value) in more)
            {
                settings[key] = value;
            }

            var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
            Tokens = new(new("analytics"), configuration, time);
            Client = new(configuration, Tokens);
        }

        public ServiceTokens Tokens { get; }

        public ServiceClient Client { get; }

        public void Dispose()
        {
            Client.Dispose();
            Tokens.Dispose();
        }
    }

    /// <summary>Gives out numbered tokens that name their organisation.</summary>
    private sealed class Identity(WebApplication app) : IAsyncDisposable
    {
        private int _given;

        public bool Away { get; set; }

        public string Address => app.Urls.First();

        public static async Task<Identity> Start()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var identity = new Identity(app);
            app.MapPost("/identity/token", async (HttpRequest request) =>
            {
                var form = await request.ReadFormAsync();
                return identity.Away
                    ? Results.StatusCode(503)
                    : Results.Json(new { access_token = $"{Interlocked.Increment(ref identity._given)} {form["organisation_id"]}", expires_in = 600 });
            });
            await app.StartAsync();
            return identity;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
