using static OpsPlatform.Analytics.Tests.Bakery;

namespace OpsPlatform.Analytics.Tests;

public sealed class SalesTests(AnalyticsFixture service)
{
    [Fact]
    public async Task A_sale_is_counted_by_day_hour_item_and_category()
    {
        var bakery = await service.Bakery();
        // 09:10 and 09:50 London summer time, 10:05 the same day.
        await bakery.Sells("2026-06-10T08:10:00Z", Line(1, 2, 300, category: "bread"), Line(2, 1, 150, "zero", "drinks"));
        await bakery.Sells("2026-06-10T08:50:00Z", Line(1, 1, 300, category: "bread"));
        await bakery.Sells("2026-06-10T09:05:00Z", Line(3, 1, 99));
        var summary = await bakery.Has(Days("2026-06-10"), 3);

        var total = summary["sales"]!.AsArray().Single()!;
        ((decimal)total["revenueMinor"]!).ShouldBe(1149);
        ((long)total["tickets"]!).ShouldBe(3);
        ((decimal)total["averageTicketMinor"]!).ShouldBe(383);
        ((string)total["currency"]!).ShouldBe("GBP");

        var day = (await bakery.All($"/analytics/sales?{Days("2026-06-10")}")).Single();
        ((string)day["day"]!).ShouldBe("2026-06-10");
        ((decimal)day["revenueMinor"]!).ShouldBe(1149);

        var hours = await bakery.All($"/analytics/sales?{Days("2026-06-10")}&by=hour");
        hours.Select(x => ((DateTimeOffset)x["hour"]!, (long)x["tickets"]!, (decimal)x["revenueMinor"]!)).ShouldBe(
            [(DateTimeOffset.Parse("2026-06-10T08:00:00Z"), 2, 1050), (DateTimeOffset.Parse("2026-06-10T09:00:00Z"), 1, 99)]);

        var items = await bakery.All($"/analytics/sales?{Days("2026-06-10")}&by=item");
        items.Select(x => ((Guid)x["menuItemId"]!, (string?)x["name"], (long)x["quantity"]!, (long)x["tickets"]!, (decimal)x["revenueMinor"]!)).ShouldBe(
            [(Item(1), "Item 1", 3, 2, 900), (Item(2), "Item 2", 1, 1, 150), (Item(3), "Item 3", 1, 1, 99)]);

        var categories = await bakery.All($"/analytics/sales?{Days("2026-06-10")}&by=category");
        categories.Select(x => ((string?)x["category"], (long)x["quantity"]!, (decimal)x["revenueMinor"]!)).ShouldBe(
            [("bread", 3, 900), ("drinks", 1, 150), (null, 1, 99)]);
    }

    [Fact]
    public async Task What_is_sold_before_four_belongs_to_the_business_day_before()
    {
        var bakery = await service.Bakery();
        await bakery.Sells("2026-01-15T03:59:59.999999Z", Line(1, 1, 100));
        await bakery.Sells("2026-01-15T04:00:00Z", Line(1, 1, 10));
        await bakery.Has(Days("2026-01-01", "2026-01-31"), 2);

        var days = await bakery.All($"/analytics/sales?{Days("2026-01-01", "2026-01-31")}");
        days.Select(x => ((string)x["day"]!, (decimal)x["revenueMinor"]!)).ShouldBe([("2026-01-14", 100), ("2026-01-15", 10)]);
    }

    /// <summary>British clocks go forward at 01:00 on 29 March 2026 and back at 02:00 on 25 October: within the business day of the Saturday.</summary>
    [Theory]
    [InlineData("2026-03-28", "2026-03-28T04:00:00Z", 23)]
    [InlineData("2026-03-29", "2026-03-29T03:00:00Z", 24)]
    [InlineData("2026-10-24", "2026-10-24T03:00:00Z", 25)]
    [InlineData("2026-10-25", "2026-10-25T04:00:00Z", 24)]
    public async Task The_day_on_which_the_clock_is_turned_has_its_23_or_25_hours(string day, string start, int hours)
    {
        var bakery = await service.Bakery();
        var first = DateTimeOffset.Parse(start);
        foreach (var hour in Enumerable.Range(-1, hours + 2))
        {
            await bakery.Sells($"{first.AddHours(hour):O}", Line(1, 1, 100));
        }

        await bakery.Has(Days("2026-03-01", "2026-12-31"), hours + 2);
        var rows = await bakery.All($"/analytics/sales?{Days(day)}&by=hour");
        rows.Select(x => (DateTimeOffset)x["hour"]!).ShouldBe(Enumerable.Range(0, hours).Select(x => first.AddHours(x)));
        (await bakery.Has(Days(day), hours)).ShouldNotBeNull();
    }

    /// <summary>Half past one comes twice on 25 October 2026: the day begins at the second, and is one piece.</summary>
    [Fact]
    public async Task A_day_that_starts_at_a_time_shown_twice_begins_once()
    {
        var bakery = await service.Bakery(dayStartsAt: "01:30");
        foreach (var time in (string[])["00:00", "00:29", "00:31", "00:59", "01:00", "01:29", "01:30", "01:31", "02:30"])
        {
            await bakery.Sells($"2026-10-25T{time}:00Z", Line(1, 1, 1));
        }

        await bakery.Has(Days("2026-10-01", "2026-10-31"), 9);
        await bakery.Has(Days("2026-10-24"), 6);
        await bakery.Has(Days("2026-10-25"), 3);
    }

    [Fact]
    public async Task A_zone_off_by_half_an_hour_has_its_own_hours()
    {
        var bakery = await service.Bakery("Asia/Kolkata", "00:00");
        await bakery.Sells("2026-06-09T18:29:00Z", Line(1, 1, 100));
        await bakery.Sells("2026-06-09T18:30:00Z", Line(1, 1, 10));
        await bakery.Has(Days("2026-06-01", "2026-06-30"), 2);

        var hours = await bakery.All($"/analytics/sales?{Days("2026-06-10")}&by=hour");
        ((DateTimeOffset)hours.Single()["hour"]!).ShouldBe(DateTimeOffset.Parse("2026-06-09T18:30:00Z"));
    }

    [Fact]
    public async Task Another_zone_or_start_of_the_day_counts_everything_anew_and_an_older_word_changes_nothing()
    {
        var bakery = await service.Bakery("UTC", "00:00");
        var sale = await bakery.Sells("2026-01-15T01:00:00Z", Line(1, 1, 100), Line(2, 1, 50));
        await bakery.Consumes(sale, Of(9, 10, 2));
        await bakery.Has(Days("2026-01-15"), 1);

        await bakery.Counts("Europe/London", "04:00", 3);
        await bakery.Has(Days("2026-01-14"), 1);
        await bakery.Has(Days("2026-01-15"), 0);
        ((decimal)(await bakery.All($"/analytics/consumption?{Days("2026-01-14")}")).Single()["consumed"]!).ShouldBe(10);
        (await bakery.All($"/analytics/sales?{Days("2026-01-14")}&by=item")).Count.ShouldBe(2);

        await bakery.Say(new Contracts.OrganisationChanged("EUR", "UTC", "00:00", 2), new Contracts.OrganisationChanged("GBP", "Mars/Olympus", "05:00", 4));
        var settings = await Testing.Eventually.Is(() => bakery.Get("/analytics/settings"), x => (string?)x["dayStartsAt"] == "05:00");
        ((string?)settings["timeZone"]).ShouldBe("Mars/Olympus");
        ((string?)settings["countingZone"]).ShouldBe("UTC");
        ((string?)settings["currency"]).ShouldBe("GBP");
    }

    [Fact]
    public async Task Currencies_are_never_added_up()
    {
        var bakery = await service.Bakery();
        await bakery.Sells("2026-06-10T10:00:00Z", Line(1, 1, 100));
        await bakery.Sells(bakery.Sale("2026-06-10T10:00:00Z", Line(1, 1, 300)) with { Currency = "EUR" });
        var summary = await bakery.Has(Days("2026-06-10"), 2);
        summary["sales"]!.AsArray().Select(x => ((string)x!["currency"]!, (decimal)x["revenueMinor"]!)).ShouldBe([("EUR", 300), ("GBP", 100)]);
        (await bakery.All($"/analytics/sales?{Days("2026-06-10")}", limit: 1)).Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("day", 12)]
    [InlineData("hour", 12)]
    [InlineData("item", 5)]
    [InlineData("category", 3)]
    public async Task Every_listing_has_pages_without_a_gap(string by, int rows)
    {
        var bakery = await service.Bakery();
        foreach (var day in Enumerable.Range(1, 12))
        {
            // Equal amounts, so that a page can end between two of them.
            await bakery.Sells($"2026-06-{day:D2}T10:00:00Z", Line(day % 5, 1, 100, category: $"c{day % 3}"));
        }

        var days = Days("2026-06-01", "2026-06-30");
        await bakery.Has(days, 12);
        var whole = await bakery.All($"/analytics/sales?{days}&by={by}");
        whole.Count.ShouldBe(rows);
        (await bakery.All($"/analytics/sales?{days}&by={by}", limit: 2)).Select(x => x.ToJsonString()).ShouldBe(whole.Select(x => x.ToJsonString()));
    }
}
