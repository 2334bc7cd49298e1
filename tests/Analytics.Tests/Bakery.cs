using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Analytics.Tests;

/// <summary>One organisation of a test's own: what its owners say is sent and is held by their stand-in too.</summary>
public sealed class Bakery
{
    private readonly AnalyticsFixture _fixture;
    private long _number;

    private Bakery(AnalyticsFixture fixture) => (_fixture, Client) = (fixture, fixture.Client(Org));

    public Guid Org { get; } = Guid.NewGuid();

    public HttpClient Client { get; }

    public OwnerData Owners => _fixture.Owners.Of(Org);

    public static Guid Item(int n) => Guid.Parse($"00000000-0000-0000-0000-{n:D12}");

    public static async Task<Bakery> Open(AnalyticsFixture fixture, string zone, string dayStartsAt)
    {
        var bakery = new Bakery(fixture);
        await bakery.Counts(zone, dayStartsAt, 1);
        return bakery;
    }

    public HttpClient As(string role) => _fixture.Client(Org, role);

    public async Task Counts(string zone, string dayStartsAt, long version)
    {
        Owners.Settings = new("GBP", zone, dayStartsAt, version);
        await Say(Owners.Settings);
        await Eventually.Is(() => Get("/analytics/settings"), x => (string?)x["timeZone"] == zone && (string?)x["dayStartsAt"] == dayStartsAt);
    }

    public static SoldLine Line(int item, int quantity, long priceMinor, string taxClass = "standard", string? category = null) =>
        new(Item(item), $"Item {item}", category, quantity, priceMinor, priceMinor * quantity, taxClass);

    /// <summary>A confirmed order as Orders would tell it.</summary>
    public OrderConfirmed Sale(string occurredAt, params SoldLine[] lines) => SaleOf(null, occurredAt, lines);

    public OrderConfirmed SaleOf(Guid? customer, string occurredAt, params SoldLine[] lines) => new(
        Guid.CreateVersion7(), ++_number, lines.Sum(x => x.TotalMinor), "GBP", DateTimeOffset.Parse(occurredAt), customer, lines);

    public async Task<OrderConfirmed> Sells(string occurredAt, params SoldLine[] lines) => await Sells(Sale(occurredAt, lines));

    public async Task<OrderConfirmed> Sells(OrderConfirmed sale)
    {
        Holds("confirmed", sale);
        await Say(sale);
        return sale;
    }

    public void Holds(string state, params OrderConfirmed[] sales)
    {
        foreach (var sale in sales)
        {
            Owners.Orders[sale.OrderId] = new(state, sale);
        }
    }

    public async Task Cancels(OrderConfirmed sale)
    {
        Holds("cancelled", sale);
        await Say(new OrderCancelled(sale.OrderId, sale.OccurredAt));
    }

    public async Task Rejects(OrderConfirmed sale)
    {
        Holds("rejected", sale);
        await Say(new OrderRejected(sale.OrderId, [new("out_of_stock")], sale.OccurredAt));
    }

    public async Task Consumes(OrderConfirmed sale, params IngredientQuantity[] items)
    {
        var consumed = new StockConsumed(sale.OrderId, items, sale.OccurredAt);
        Owners.Consumption[sale.OrderId] = new(false, consumed);
        await Say(consumed);
    }

    public async Task Restores(Guid order)
    {
        var consumed = Owners.Consumption[order].Consumed;
        Owners.Consumption[order] = new(true, consumed);
        await Say(new StockRestored(order, consumed.Items, consumed.OccurredAt));
    }

    public static IngredientQuantity Of(int ingredient, decimal quantity, decimal unitCostMinor) =>
        new(Item(ingredient), quantity, unitCostMinor, "g", $"Ingredient {ingredient}");

    public Task Say<T>(params T[] messages)
        where T : class => _fixture.Broker.Publish(Org, messages);

    public async Task<JsonNode> Get(string path)
    {
        using var answer = await Client.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>The rows of a listing, all pages.</summary>
    public async Task<IReadOnlyList<JsonNode>> All(string path, int? limit = null)
    {
        List<JsonNode> rows = [];
        for (string? cursor = null; ;)
        {
            var page = await Get($"{path}{(path.Contains('?') ? "&" : "?")}limit={limit ?? 200}{(cursor is null ? "" : $"&cursor={cursor}")}");
            rows.AddRange(page["items"]!.AsArray()!);
            cursor = (string?)page["nextCursor"];
            if (cursor is null)
            {
                return rows;
            }
        }
    }

    /// <summary>Returns when the summary of these days has so many confirmed, rejected and cancelled orders.</summary>
    public Task<JsonNode> Has(string days, long confirmed, long rejected = 0, long cancelled = 0) => Eventually.Is(
        () => Get($"/analytics/summary?{days}"),
        x => (long)x["confirmed"]! == confirmed && (long)x["rejected"]! == rejected && (long)x["cancelled"]! == cancelled);

    public async Task Sql(string sql)
    {
        await using var connection = await _fixture.OpenAs("app", Org);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> Look<T>(string sql)
    {
        await using var connection = await _fixture.OpenAs("app", Org);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public static string Days(string from, string? to = null) => $"from={from}&to={to ?? from}";

    /// <summary>The answer must be that refusal.</summary>
    public static async Task<JsonNode> Refused(HttpResponseMessage answer, int status, string slug)
    {
        var text = await answer.Content.ReadAsStringAsync();
        ((int)answer.StatusCode).ShouldBe(status, text);
        var problem = JsonNode.Parse(text)!;
        ((string)problem["type"]!).ShouldBe($"https://opsplatform.dev/problems/{slug}");
        return problem;
    }
}
