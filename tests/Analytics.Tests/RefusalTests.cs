using System.Net;
using System.Net.Http.Json;
using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

public sealed class RefusalTests(AnalyticsFixture service)
{
    [Theory]
    [InlineData("/analytics/sales?by=week")]
    [InlineData("/analytics/sales?by=")]
    [InlineData("/analytics/sales?from=2026-06-02&to=2026-06-01")]
    [InlineData("/analytics/sales?from=2026-02-30")]
    [InlineData("/analytics/sales?from=yesterday")]
    [InlineData("/analytics/sales?from=2025-01-01&to=2026-02-05")]
    [InlineData("/analytics/sales?limit=0")]
    [InlineData("/analytics/sales?limit=201")]
    [InlineData("/analytics/sales?cursor=nonsense")]
    [InlineData("/analytics/summary?from=0001-01-01&to=9999-12-31")]
    [InlineData("/analytics/summary?from=2026-06-02&to=2026-06-01")]
    [InlineData("/analytics/items/top?limit=101")]
    [InlineData("/analytics/items/top?sort=price")]
    [InlineData("/analytics/items/pairs?minTickets=0")]
    [InlineData("/analytics/items/pairs?sort=support")]
    [InlineData("/analytics/consumption?by=hour")]
    [InlineData("/analytics/customers?limit=-1")]
    [InlineData("/analytics/rebuilds?cursor=e30")]
    public async Task What_cannot_be_meant_is_refused(string path)
    {
        var bakery = await service.Bakery();
        await Refused(await bakery.Client.GetAsync(path), 400, "invalid");
    }

    [Theory]
    [InlineData("/analytics/sales?from=2025-01-01&to=2026-02-04")]
    [InlineData("/analytics/sales?from=9999-12-31")]
    [InlineData("/analytics/sales?to=0001-01-01")]
    [InlineData("/analytics/summary")]
    [InlineData("/analytics/items/top")]
    [InlineData("/analytics/items/pairs")]
    [InlineData("/analytics/consumption")]
    [InlineData("/analytics/customers")]
    [InlineData("/analytics/customers/summary")]
    [InlineData("/analytics/settings")]
    [InlineData("/analytics/rebuilds")]
    public async Task An_organisation_that_sold_nothing_gets_empty_answers_as_a_viewer(string path)
    {
        using var viewer = service.Client(Guid.NewGuid(), "viewer");
        (await viewer.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await service.Anonymous().GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await service.ServiceClient("orders", Guid.NewGuid()).GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData(-1, 0, "standardPercent")]
    [InlineData(100.1, 0, "standardPercent")]
    [InlineData(20.00001, 0, "standardPercent")]
    [InlineData(20, 21, "reducedPercent")]
    [InlineData(20, -1, "reducedPercent")]
    public async Task A_tax_rate_that_cannot_be_is_refused(decimal standard, decimal reduced, string field)
    {
        var bakery = await service.Bakery();
        var problem = await Refused(
            await bakery.Client.PutAsJsonAsync("/analytics/settings/tax/2026-01-01", new { pricesIncludeTax = true, standardPercent = standard, reducedPercent = reduced }), 400, "invalid");
        problem["errors"]![field].ShouldNotBeNull();
    }

    [Fact]
    public async Task Settings_and_rebuilds_are_an_admins()
    {
        var bakery = await service.Bakery();
        var rate = new { pricesIncludeTax = true, standardPercent = 20, reducedPercent = 5 };
        using var staff = bakery.As("staff");
        (await staff.PutAsJsonAsync("/analytics/settings/tax/2026-01-01", rate)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await staff.DeleteAsync("/analytics/settings/tax/2026-01-01")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await staff.PostAsync("/analytics/rebuild", null)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);

        using var admin = bakery.As("admin");
        (await admin.PutAsJsonAsync("/analytics/settings/tax/2026-13-01", rate)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var both = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => admin.PutAsJsonAsync("/analytics/settings/tax/2026-01-01", rate)));
        both.ShouldAllBe(x => x.StatusCode == HttpStatusCode.OK);
        (await bakery.Get("/analytics/settings"))["taxRates"]!.AsArray().Count.ShouldBe(1);
        (await admin.DeleteAsync("/analytics/settings/tax/2026-01-01")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await admin.DeleteAsync("/analytics/settings/tax/2026-01-01")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }
}
