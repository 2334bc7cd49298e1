using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Stock;

/// <summary>Moves stock by hand: what came, what went, or what was counted. The same id with the same content again answers the entry stored.</summary>
internal static partial class ChangeStock
{
    public const decimal MaxStock = 10 * QuantityAttribute.Max;
    private const int MaxMetadataChars = 4096;

    /// <param name="Quantity">What came or went; for an adjustment, what is there now. In the ingredient's unit.</param>
    /// <param name="Metadata">Any JSON object of at most 4096 characters.</param>
    public sealed record ChangeStockRequest(
        [AllowedValues(ChangeType.Increase, ChangeType.Decrease, ChangeType.Adjustment, ErrorMessage = "changeType must be increase, decrease or adjustment.")] ChangeType ChangeType,
        [Quantity] decimal Quantity,
        [StringLength(500)] string? Reason = null,
        [AllowedValues(ReferenceType.Production, ReferenceType.Purchase, ReferenceType.Manual, ErrorMessage = "referenceType must be production, purchase or manual.")] ReferenceType ReferenceType = ReferenceType.Manual,
        Guid? ReferenceId = null,
        JsonElement? Metadata = null,
        Guid? Id = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (ChangeType != ChangeType.Adjustment && Quantity == 0)
            {
                yield return new("quantity must be above 0.", [nameof(Quantity)]);
            }

            if (Metadata is { } metadata && (metadata.ValueKind != JsonValueKind.Object || metadata.GetRawText().Length > MaxMetadataChars || !IsPlain(metadata)))
            {
                yield return new($"metadata must be an object of at most {MaxMetadataChars} characters, its numbers within 28 digits and its text valid Unicode.", [nameof(Metadata)]);
            }
        }

        /// <summary>The database writes 1e100000 out in full, and takes no half of a surrogate pair.</summary>
        private static bool IsPlain(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Object => value.EnumerateObject().All(member => IsPlain(member.Value)),
            JsonValueKind.Array => value.EnumerateArray().All(IsPlain),
            JsonValueKind.Number => value.TryGetDecimal(out _),
            JsonValueKind.String => !LoneSurrogate().IsMatch(value.GetRawText()),
            _ => true,
        };
    }

    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]")]
    private static partial Regex LoneSurrogate();

    public static async Task<Results<Created<StockLogResponse>, Ok<StockLogResponse>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ChangeStockRequest request, InventoryDb db, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var stock = await LockedStock.Lock(db.Connection, [id], cancel);
        if (stock.Find(id) is not { } item)
        {
            return TypedResults.NotFound();
        }

        if (request.Id is { } entryId && await db.StockLog.AsNoTracking().SingleOrDefaultAsync(x => x.Id == entryId, cancel) is { } stored)
        {
            return IsSame(stored, id, request) ? TypedResults.Ok(StockLogResponse.Of(stored)) : Problems.IdTaken(entryId);
        }

        var after = request.ChangeType switch
        {
            ChangeType.Increase => item.Stock + request.Quantity,
            ChangeType.Decrease => item.Stock - request.Quantity,
            _ => request.Quantity,
        };
        if (after < 0)
        {
            return Problems.NotEnoughStock(item.Stock);
        }

        if (after > MaxStock)
        {
            return Problems.StockLimit(MaxStock);
        }

        var entry = stock.Move(item, after, new(
            request.ChangeType, request.Reason, request.ReferenceType, request.ReferenceId, caller.Actor, StockLogEntry.Now(time),
            request.Id, request.Metadata?.GetRawText()));
        await using var batch = new NpgsqlBatch(db.Connection);
        stock.AddTo(batch);
        Outbox.AddTo(batch, caller, [.. stock.Lows().Select(low => new OutboxMessage(low))]);
        await batch.ExecuteNonQueryAsync(cancel);
        db.MayFlipAvailability = true;
        await transaction.CommitAsync(cancel);
        return TypedResults.Created($"/ingredients/{id}/log", StockLogResponse.Of(entry));
    }

    private static bool IsSame(StockLogEntry stored, Guid ingredient, ChangeStockRequest request) =>
        stored.IngredientId == ingredient
        && stored.ChangeType == request.ChangeType
        && (request.ChangeType == ChangeType.Adjustment ? stored.QuantityAfter : Math.Abs(stored.QuantityChanged)) == request.Quantity
        && stored.Reason == request.Reason
        && stored.ReferenceType == request.ReferenceType
        && stored.ReferenceId == request.ReferenceId
        && (stored.Metadata, request.Metadata) switch
        {
            (null, null) => true,
            ({ } before, { } now) => JsonElement.DeepEquals(JsonElement.Parse(before), now),
            _ => false,
        };
}
