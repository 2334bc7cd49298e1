using System.Net;
using System.Security.Claims;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.IdentityModel.JsonWebTokens;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>A token found good once is believed only as long as it would be found good again.</summary>
public sealed class VerifiedTokenTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly MovingTime _time = new();
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_token_that_opened_a_door_opens_it_no_more_once_it_has_ended()
    {
        // Ended already, and good for the seconds that two clocks may differ by.
        using var client = fixture.Anonymous();
        client.DefaultRequestHeaders.Authorization = new("Bearer", fixture.Tokens.Token(_org, lifetime: TimeSpan.Zero));
        (await client.GetAsync("/notes")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await client.GetAsync("/notes")).StatusCode.ShouldBe(HttpStatusCode.OK);

        await Eventually.Is(async () => (await client.GetAsync("/notes")).StatusCode, status => status == HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_verified_token_keeps_its_claims_until_it_ends_or_its_key_is_withdrawn()
    {
        await using var issuer = await TokenIssuer.Start();
        using var keys = Keys(issuer);
        var verified = new VerifiedTokens(_time);
        var (brief, lasting) = (issuer.Token(_org), issuer.Token(_org));
        await Add(verified, keys, brief, TimeSpan.FromMinutes(2));
        await Add(verified, keys, lasting, TimeSpan.FromDays(1));
        (await verified.Find(brief, keys, CancellationToken.None))!.ShouldContain(claim => claim.Type == Tokens.OrgClaim && claim.Value == $"{_org}");

        _time.Forward(TimeSpan.FromMinutes(3));
        (await verified.Find(brief, keys, CancellationToken.None)).ShouldBeNull();
        (await verified.Find(lasting, keys, CancellationToken.None)).ShouldNotBeNull();

        issuer.ChangeKey();
        _time.Forward(TimeSpan.FromMinutes(6));
        await Eventually.Is(async () => await verified.Find(lasting, keys, CancellationToken.None) is null);
    }

    private HttpSigningKeys Keys(TokenIssuer issuer) => new(
        new ConfigurationBuilder().AddInMemoryCollection([new("services:identity:http:0", $"{issuer.Address}")]).Build(), _time, NullLogger<HttpSigningKeys>.Instance);

    private async Task Add(VerifiedTokens verified, HttpSigningKeys keys, string token, TimeSpan lifetime)
    {
        var read = new JsonWebToken(token);
        verified.Add(token, read.Kid, (await keys.Find(read.Kid, CancellationToken.None)).Single(), _time.GetUtcNow() + lifetime, [new Claim(Tokens.OrgClaim, $"{_org}")]);
    }

    private sealed class MovingTime : TimeProvider
    {
        private TimeSpan _ahead;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _ahead;

        public void Forward(TimeSpan by) => _ahead += by;
    }
}
