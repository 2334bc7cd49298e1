using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.ServiceDefaults.Tests.Sample;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class RequestTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    public static TheoryData<string, int, string> BadBodies => new()
    {
        { "{", 400, "invalid-body" },
        { "", 400, "invalid" },
        { "[]", 400, "invalid-body" },
        { "{}", 400, "invalid-body" },
        { """{"text":null}""", 400, "invalid-body" },
        { """{"text":7}""", 400, "invalid-body" },
        { """{"text":"x","price":1}""", 400, "invalid-body" },
        { """{"text":"x","text":"y"}""", 400, "invalid-body" },
        { """{"text":"x","colour":"purple"}""", 400, "invalid-body" },
        { """{"text":"x","colour":1}""", 400, "invalid-body" },
        { """{"text":"x","id":"not-a-uuid"}""", 400, "invalid-body" },
        { """{"text":""}""", 400, "invalid" },
        { """{"text":"x","lines":[{"quantity":0}]}""", 400, "invalid" },
        { """{"text":"x","lines":[null]}""", 400, "invalid" },
        { """{"text":"x","lines":[{"quantity":1e400}]}""", 400, "invalid-body" },
        { """{"text":"a\u0000b"}""", 400, "invalid" },
        { """{"text":"x","code":""}""", 400, "invalid" },
    };

    [Fact]
    public async Task A_request_without_its_body_is_told_what_to_send()
    {
        using var client = fixture.Client(_org);
        foreach (var body in (HttpContent?[])[null, new StringContent("", Encoding.UTF8, "application/json")])
        {
            var answer = await client.PostAsync("/notes", body);
            (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString()!.ShouldContain("send a JSON object");
        }
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_body_that_does_not_fit_is_a_clear_problem_and_stores_nothing(string body, int status, string slug)
    {
        using var client = fixture.Client(_org);
        var response = await client.PostAsync("/notes", new StringContent(body, Encoding.UTF8, "application/json"));
        await ShouldBeProblem(response, status, slug);
        (await client.GetFromJsonAsync<string[]>("/notes"))!.ShouldBeEmpty();
    }

    /// <summary>More than the network holds on its way: who stops reading breaks the connection before the sender hears why.</summary>
    [Fact]
    public async Task A_body_that_is_far_too_large_is_refused_with_an_answer()
    {
        using var client = fixture.Client(_org);
        for (var once = 0; once < 10; once++)
        {
            await ShouldBeProblem(await client.PostAsync("/notes", new ByteArrayContent(new byte[12 * 1024 * 1024])), 413, "body-too-large");
        }
    }

    [Fact]
    public async Task A_problem_names_the_place_in_the_body()
    {
        using var client = fixture.Client(_org);
        var wrong = await client.PostAsync("/notes", new StringContent("""{"text":"x","lines":[{"quantity":1},{"quantity":11}]}""", Encoding.UTF8, "application/json"));
        (await wrong.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("lines[1].quantity", out _).ShouldBeTrue();
        var unread = await client.PostAsync("/notes", new StringContent("""{"text":"x","lines":[{"quantity":"many"}]}""", Encoding.UTF8, "application/json"));
        (await unread.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString()!.ShouldContain("$.lines[0].quantity");
    }

    [Fact]
    public async Task Too_large_and_wrongly_typed_bodies_unknown_paths_and_methods_are_problems()
    {
        using var client = fixture.Client(_org);
        await ShouldBeProblem(await client.PostAsJsonAsync("/notes", new { text = new string('x', 1_100_000) }), 413, "body-too-large");
        await ShouldBeProblem(await client.PostAsync("/notes", new StringContent("text=x", Encoding.UTF8, "text/plain")), 415, "unsupported-media-type");
        await ShouldBeProblem(await client.GetAsync("/nowhere"), 404, "not-found");
        await ShouldBeProblem(await client.DeleteAsync("/notes"), 405, "method-not-allowed");
    }

    [Theory]
    [InlineData("""{"text":"x","price":1}""", "$.price: 'price' is not a member known here.")]
    [InlineData("""{}""", "required and missing: 'text'")]
    [InlineData("""{"text":"x","colour":"purple"}""", "$.colour: must be one of light_blue, red.")]
    public async Task A_problem_speaks_of_the_body_and_not_of_our_types(string body, string detail)
    {
        using var client = fixture.Client(_org);
        var answer = await (await client.PostAsync("/notes", new StringContent(body, Encoding.UTF8, "application/json"))).Content.ReadFromJsonAsync<JsonElement>();
        answer.GetProperty("detail").GetString()!.ShouldContain(detail);
    }

    [Theory]
    [InlineData("utf-99")]
    [InlineData("utf-16")]
    public async Task A_body_in_another_encoding_is_refused(string encoding)
    {
        using var client = fixture.Client(_org);
        var content = new ByteArrayContent("{}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", $"application/json; charset={encoding}");
        await ShouldBeProblem(await client.PostAsync("/notes", content), 415, "unsupported-media-type");
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("rubbish")]
    public void A_cursor_the_list_did_not_give_out_is_refused(string text) =>
        Should.Throw<Microsoft.AspNetCore.Http.BadHttpRequestException>(() => Http.Paging.Decode<Key>(Convert.ToBase64String(Encoding.UTF8.GetBytes(text))));

    [Fact]
    public void A_cursor_comes_back_as_it_was_given_out() =>
        Http.Paging.Decode<Key>(Http.Paging.Encode(new Key("a/b+c?", 7))).ShouldBe(new Key("a/b+c?", 7));

    private sealed record Key(string Code, long Number);

    [Fact]
    public async Task Enums_travel_in_snake_case()
    {
        using var client = fixture.Client(_org);
        (await client.PostAsync("/notes", new StringContent("""{"text":"x","colour":"light_blue"}""", Encoding.UTF8, "application/json"))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Without_a_token_or_with_a_lower_role_nothing_is_done()
    {
        using var anonymous = fixture.Anonymous();
        await ShouldBeProblem(await anonymous.PostAsJsonAsync("/notes", new { text = "x" }), 401, "unauthenticated");
        using var viewer = fixture.Client(_org, "viewer");
        await ShouldBeProblem(await viewer.PostAsJsonAsync("/notes", new { text = "x" }), 403, "forbidden");
        (await viewer.GetFromJsonAsync<string[]>("/notes"))!.ShouldBeEmpty();
        await ShouldBeProblem(await viewer.GetAsync("/orders/errors"), 403, "forbidden");
    }

    [Fact]
    public async Task Expired_forged_unsigned_and_misdirected_tokens_are_refused()
    {
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var good = fixture.Tokens.Token(_org);
        var parts = good.Split('.');
        var bad = new Dictionary<string, string>
        {
            ["expired"] = fixture.Tokens.Token(_org, lifetime: TimeSpan.FromSeconds(-10)),
            ["for another audience"] = fixture.Tokens.Token(_org, change: claims => claims["aud"] = "elsewhere"),
            ["of another issuer"] = fixture.Tokens.Token(_org, change: claims => claims["iss"] = "somebody"),
            ["without an end"] = fixture.Tokens.Token(_org, change: claims => claims.Remove("exp")),
            ["not valid yet"] = fixture.Tokens.Token(_org, change: claims => claims["nbf"] = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds()),
            ["with an altered role"] = $"{parts[0]}.{Part(parts[1], text => text.Replace("owner", "admin", StringComparison.Ordinal))}.{parts[2]}",
            ["unsigned"] = $"{Part(parts[0], text => text.Replace("ES256", "none", StringComparison.Ordinal))}.{parts[1]}.",
            ["with another algorithm"] = $"{Part(parts[0], text => text.Replace("ES256", "HS256", StringComparison.Ordinal))}.{parts[1]}.{parts[2]}",
            ["signed by another key"] = new JsonWebTokenHandler().CreateToken(
                Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(parts[1])),
                new SigningCredentials(new ECDsaSecurityKey(otherKey) { KeyId = new JsonWebToken(good).Kid }, SecurityAlgorithms.EcdsaSha256)
                {
                    // The shared factory would find the issuer's own signer in its cache by the key id, and forge nothing.
                    CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false },
                }),
            ["rubbish"] = "rubbish",
            ["rubbish in three parts"] = "a.b.c",
        };
        foreach (var (flaw, token) in bad)
        {
            using var client = fixture.Anonymous();
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var response = await client.GetAsync("/notes");
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, flaw);
            await ShouldBeProblem(response, 401, "unauthenticated");
        }

        using var fine = fixture.Anonymous();
        fine.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", good);
        (await fine.GetAsync("/notes")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_wrong_operator_key_is_refused()
    {
        using var client = fixture.Anonymous();
        client.DefaultRequestHeaders.Add("X-Operator-Key", "guess");
        await ShouldBeProblem(await client.GetAsync("/orders/errors"), 401, "unauthenticated");
    }

    [Fact]
    public async Task Health_tells_of_database_and_bus_and_the_service_describes_itself()
    {
        using var client = fixture.Anonymous();
        var health = await client.GetFromJsonAsync<JsonElement>("/health");
        health.GetProperty("status").GetString().ShouldBe("healthy");
        health.GetProperty("checks").EnumerateObject().Select(check => check.Name).ShouldBe(["draining", "database", "broker"], ignoreOrder: true);
        (await client.GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var api = await client.GetFromJsonAsync<JsonElement>("/orders/openapi.json");
        var add = api.GetProperty("paths").GetProperty("/notes").GetProperty("post");
        add.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("$ref").GetString()
            .ShouldBe("#/components/schemas/NotesRequest");
        add.GetProperty("security").GetArrayLength().ShouldBe(1);
        add.GetProperty("responses").EnumerateObject().Select(response => response.Name).ShouldContain("403");
    }

    private static string Part(string part, Func<string, string> change) =>
        Base64UrlEncoder.Encode(change(Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(part))));

    private static async Task ShouldBeProblem(HttpResponseMessage response, int status, string slug)
    {
        ((int)response.StatusCode).ShouldBe(status, await response.Content.ReadAsStringAsync());
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
        problem.GetProperty("traceId").GetString()!.Length.ShouldBeGreaterThan(8);
    }
}
