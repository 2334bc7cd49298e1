using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tests.Sample;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class HostileRequestTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_text_with_NUL_does_not_spoil_the_next_request_on_the_same_connection()
    {
        // A statement is prepared at its fifth use or so: the refused one must not be the one that is.
        using var client = fixture.Client(_org);
        for (var i = 0; i < 12; i++)
        {
            (await client.PostAsync("/notes", Json("""{"text":"a\u0000b"}"""))).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await client.PostAsync("/notes", Json("""{"text":"fine"}"""))).StatusCode.ShouldBe(HttpStatusCode.Created, $"request {i}");
        }
    }

    [Theory]
    [InlineData("""{"text":"x","secret":"\u0000"}""", "secret")]
    [InlineData("""{"text":"x","id":"00000000-0000-0000-0000-000000000000"}""", "id")]
    public async Task What_cannot_be_stored_is_named(string body, string member)
    {
        using var client = fixture.Client(_org);
        var answer = await client.PostAsync("/notes", Json(body));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("errors").TryGetProperty(member, out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData("/orders/errors/00000000-0000-7000-8000-000000000001", HttpStatusCode.NotFound)]
    [InlineData("/orders/errors?limit=0", HttpStatusCode.BadRequest)]
    public async Task A_caller_who_accepts_no_JSON_is_told_the_trace_as_well(string path, HttpStatusCode status)
    {
        using var client = fixture.Client(_org, "admin");
        client.DefaultRequestHeaders.Accept.ParseAdd("application/xml");
        var answer = await client.GetAsync(path);
        answer.StatusCode.ShouldBe(status);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("traceId").GetString().ShouldNotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("RED")]
    [InlineData("Red")]
    [InlineData(" red")]
    [InlineData("light_blue, red")]
    [InlineData("lightBlue")]
    [InlineData("0")]
    public async Task An_enum_is_one_of_its_names_and_nothing_like_them(string colour)
    {
        using var client = fixture.Client(_org);
        var answer = await client.PostAsync("/notes", Json(JsonSerializer.Serialize(new { text = "x", colour })));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("must be one of light_blue, red");
    }

    [Theory]
    [InlineData("\u00ff")]
    [InlineData("\u00c3\u00a4")]
    public async Task A_header_outside_ASCII_is_refused_with_a_problem(string value)
    {
        using var client = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1 }) { BaseAddress = fixture.Address };
        client.DefaultRequestHeaders.TryAddWithoutValidation("If-Match", value);
        var answer = await client.GetAsync("/notes");
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("If-Match holds a character outside ASCII");
    }

    [Fact]
    public async Task A_query_with_NUL_is_refused_with_a_problem()
    {
        using var client = fixture.Client(_org);
        var answer = await client.GetAsync("/notes?q=%00");
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
    }

    [Fact]
    public async Task A_compressed_body_is_refused_and_not_read_as_it_is()
    {
        using var client = fixture.Client(_org);
        var body = Json("""{"text":"x"}""");
        body.Headers.ContentEncoding.Add("gzip");
        (await client.PostAsync("/notes", body)).StatusCode.ShouldBe(HttpStatusCode.UnsupportedMediaType);
        (await client.GetFromJsonAsync<string[]>("/notes"))!.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("2024-06-01T12:00:00Z", true)]
    [InlineData("2024-06-01T12:00:00.1234567Z", true)]
    [InlineData("2024-06-01T12:00Z", true)]
    [InlineData("2024-06-01T14:00:00+02:00", true)]
    [InlineData("2024-06-01T14:00:00 02:00", true)]
    [InlineData("0001-01-01T00:00:00Z", true)]
    [InlineData("2024-06-01T12:00:00", false)]
    [InlineData("2024-06-01", false)]
    [InlineData("01/02/2024", false)]
    [InlineData("12:00", false)]
    [InlineData("2024-06-01T24:00:00Z", false)]
    [InlineData("10000-01-01T00:00:00Z", false)]
    [InlineData("0001-01-01T00:00:00+14:00", false)]
    [InlineData("", false)]
    public void A_time_in_a_query_is_ISO_8601_with_an_offset_and_never_guessed(string text, bool isOne)
    {
        Moment.TryParse(text, out var moment).ShouldBe(isOne);
        if (text.StartsWith("2024-06-01T14", StringComparison.Ordinal))
        {
            moment.Value.ShouldBe(new DateTimeOffset(2024, 6, 1, 12, 0, 0, TimeSpan.Zero));
        }
    }

    [Fact]
    public async Task The_document_tells_the_limits_that_stand_on_a_records_parameters()
    {
        using var client = fixture.Anonymous();
        var request = (await client.GetFromJsonAsync<JsonElement>("/orders/openapi.json")).GetProperty("components").GetProperty("schemas").GetProperty("NotesRequest").GetProperty("properties");
        request.GetProperty("text").GetProperty("maxLength").GetInt32().ShouldBe(20);
        request.GetProperty("text").GetProperty("minLength").GetInt32().ShouldBe(1);
        request.GetProperty("code").GetProperty("pattern").GetString().ShouldBe("[A-Z]{3}");
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
