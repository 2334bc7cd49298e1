using System.Net;
using OpsPlatform.OperationTracking.Alerts.Webhooks;

namespace OpsPlatform.OperationTracking.Tests.Alerts;

/// <summary>Adding, changing and deleting webhooks; by the service as it is started for the public.</summary>
public sealed class WebhookTests
{
    private readonly OperationsFixture _service;
    private readonly Desk _desk;
    private readonly Admin _admin;

    public WebhookTests(OperationsFixture service) => (_service, _desk, _admin) = (service, service.Desk(), new(service.Desk()));

    private static object Hook(string url = "https://example.com/hooks", string[]? events = null) => new { url, events = events ?? Admin.Ends };

    [Fact]
    public async Task A_webhook_is_added_shown_without_its_secret_changed_and_deleted()
    {
        var added = await _admin.Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Created);
        var id = added.GetProperty("id").GetGuid();
        Convert.FromBase64String(added.Text("secret")["whsec_".Length..]).Length.ShouldBeInRange(24, 64);
        var shown = await _admin.Get($"webhooks/{id}");
        shown.Text("url").ShouldBe("https://example.com/hooks");
        shown.GetProperty("isEnabled").GetBoolean().ShouldBeTrue();
        var list = await _admin.Get("webhooks");
        (list.ToString() + shown).ShouldNotContain("whsec_");
        list.GetProperty("items").GetArrayLength().ShouldBe(1);

        var changed = await _admin.Ask(HttpMethod.Put, $"webhooks/{id}", new { url = "https://example.com/others", events = (string[])["alert.opened"], isEnabled = false });
        changed.Text("disabledReason").ShouldBe("paused");
        (await _admin.Get($"webhooks/{id}")).Text("url").ShouldBe("https://example.com/others");
        (await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/test", null, HttpStatusCode.Conflict)).Problem().ShouldBe("webhook-disabled");

        await _admin.Ask(HttpMethod.Delete, $"webhooks/{id}", null, HttpStatusCode.NoContent);
        await _admin.Get($"webhooks/{id}", HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Delete, $"webhooks/{id}", null, HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("http://example.com/hooks")]
    [InlineData("ftp://example.com/hooks")]
    [InlineData("/hooks")]
    [InlineData("https://me:secret@example.com/hooks")]
    [InlineData("https://example.com/hooks#part")]
    [InlineData("https://127.0.0.1/hooks")]
    [InlineData("https://0x7f000001/hooks")]
    [InlineData("https://10.1.2.3/hooks")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://[::1]/hooks")]
    [InlineData("https://[::ffff:10.0.0.1]/hooks")]
    [InlineData("https://[fd00::1]/hooks")]
    [InlineData("https://[fe80::1]/hooks")]
    [InlineData("https://[64:ff9b::a00:1]/hooks")]
    public async Task A_url_that_nothing_may_be_sent_to_is_refused(string url)
    {
        var refused = await _admin.Ask(HttpMethod.Post, "webhooks", Hook(url), HttpStatusCode.BadRequest);
        refused.Problem().ShouldBe("bad-webhook-url");
    }

    [Fact]
    public async Task A_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to()
    {
        await using var receiver = await Receiver.Start();
        var url = $"https://localhost:{new Uri(receiver.Url).Port}/hooks";
        var id = (await _admin.Ask(HttpMethod.Post, "webhooks", Hook(url), HttpStatusCode.Created)).GetProperty("id").GetGuid();
        await _admin.Test(id);
        var tried = await _admin.Delivery(id, x => x.Number("attempts") > 0);
        tried.Text("error").ShouldBe("The address of the host is not public.");
        tried.Text("state").ShouldBe("pending");
        receiver.Got.ShouldBeEmpty();
    }

    [Fact]
    public async Task Events_and_types_that_nobody_knows_are_refused()
    {
        foreach (var body in (object[])[Hook(events: []), Hook(events: ["operation.imagined"]), Hook(events: ["webhook.test"]), new { url = "https://example.com" },
            new { url = "https://example.com", events = Admin.Ends, operationTypes = (string[])[""] }, new { url = "https://example.com", events = Admin.Ends, operationTypes = (string[])[] }])
        {
            (await _admin.Ask(HttpMethod.Post, "webhooks", body, HttpStatusCode.BadRequest)).Problem().ShouldNotBeEmpty();
        }
    }

    [Fact]
    public async Task An_organisation_has_a_hundred_at_most_also_when_they_come_at_once()
    {
        using var client = _desk.Client("admin");
        var answers = await Task.WhenAll(Enumerable.Range(0, 105).Select(_ => System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(client, "/operations/webhooks", Hook())));
        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(100);
        answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict).ShouldBe(5);
        (await new Admin(_desk).Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Conflict)).Problem().ShouldBe("too-many-webhooks");
    }

    [Fact]
    public async Task Only_an_admin_of_the_organisation_sees_and_changes_them()
    {
        var staff = new Admin(_desk, "staff");
        var added = await new Admin(_desk).Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Created);
        var id = added.GetProperty("id").GetGuid();
        await staff.Get("webhooks", HttpStatusCode.Forbidden);
        await staff.Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Forbidden);
        await staff.Get("alerts", HttpStatusCode.Forbidden);
        await staff.Get("alerts/rules", HttpStatusCode.Forbidden);

        (await _admin.Get("webhooks")).GetProperty("items").GetArrayLength().ShouldBe(0);
        await _admin.Get($"webhooks/{id}", HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Put, $"webhooks/{id}", Hook(), HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Delete, $"webhooks/{id}", null, HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/rotate", null, HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/test", null, HttpStatusCode.NotFound);
        await _admin.Get($"webhooks/{id}/deliveries", HttpStatusCode.NotFound);
        await _admin.Ask(HttpMethod.Post, $"webhooks/{id}/deliveries/{Guid.NewGuid()}/retry", null, HttpStatusCode.NotFound);
        (await new Admin(_desk).Get($"webhooks/{id}")).Text("url").ShouldBe("https://example.com/hooks");
    }

    [Fact]
    public async Task Who_answers_requests_cannot_read_a_secret()
    {
        await _admin.Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Created);
        await using var app = await _service.OpenAs("app", _desk.Org);
        await using var read = new Npgsql.NpgsqlCommand("SELECT secret FROM webhook_secrets", app);
        (await Should.ThrowAsync<Npgsql.PostgresException>(() => read.ExecuteScalarAsync())).SqlState.ShouldBe("42501");
    }

    [Fact]
    public async Task A_webhook_signs_with_five_secrets_at_most_also_when_they_are_made_at_once()
    {
        var id = (await new Admin(_desk).Ask(HttpMethod.Post, "webhooks", Hook(), HttpStatusCode.Created)).GetProperty("id").GetGuid();
        using var client = _desk.Client("admin");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.PostAsync($"/operations/webhooks/{id}/rotate", null)));
        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(4);
        (await new Admin(_desk).Ask(HttpMethod.Post, $"webhooks/{id}/rotate", null, HttpStatusCode.Conflict)).Problem().ShouldBe("too-many-secrets");
        (await _desk.Sql<long>("SELECT count(*) FROM webhook_secrets WHERE expires_at IS NULL")).ShouldBe(1);
    }

    [Fact]
    public void A_signature_is_that_of_the_specifications_libraries()
    {
        // Their common test vector.
        WebhookSecret.Sign([Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, """{"test": 2432232314}""")
            .ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
