using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Imports;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Changes;

/// <summary>Sets ingredients back to what they were before a change, the last first; one that has changed since is left as it is and holds up no other.</summary>
internal sealed class UndoIngredientChange(InventoryDb db) : IDoOperation<UndoIngredientChange.Args>
{
    /// <summary>The result tells so many reasons; the preview before told 200.</summary>
    private const int MaxRefusals = 20;

    public static OperationKind Kind { get; } = new("inventory.undo_change_ingredients", [new("Setting ingredients back")]) { Holds = ApplyStockImport.Stock };

    /// <param name="Operation">The change.</param>
    public sealed record Args(Guid Operation);

    /// <param name="Next">Ordinal of the image done last.</param>
    private sealed record Place(long Next, long? Total, int Undone, int NotUndone, IReadOnlyList<UndoRefusal> Refusals);

    public async Task<object?> Do(Args args, Operation operation, CancellationToken cancel)
    {
        var place = operation.Checkpoint<Place>() ?? new(long.MaxValue, null, 0, 0, []);
        while (await Batch(args.Operation, place, operation, cancel) is { } next)
        {
            place = next;
            operation.Report(new(place.Undone, place.Total, place.NotUndone));
        }

        return new { place.Undone, place.NotUndone, place.Refusals };
    }

    private async Task<Place?> Batch(Guid change, Place place, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var images = await OperationImage.Of(db, change, place.Next, ChangeIngredients.LinesAtOnce, cancel);
        if (images.Count == 0)
        {
            return null;
        }

        var ids = images.Select(image => Guid.Parse(image.Key)).Distinct().ToArray();
        var found = await db.Ingredients.FromSql($"SELECT * FROM ingredients WHERE id = ANY({ids}) ORDER BY id FOR NO KEY UPDATE").ToDictionaryAsync(x => x.Id, cancel);
        var refusals = images.Select(image => ChangeIngredients.TakeBack(image, found.GetValueOrDefault(Guid.Parse(image.Key))))
            .Where(result => result.Error is not null).Select(result => new UndoRefusal(result.What, result.Error!)).ToArray();
        var next = new Place(
            images[^1].Ordinal, place.Total ?? images[0].Ordinal, place.Undone + images.Count - refusals.Length, place.NotUndone + refusals.Length,
            [.. place.Refusals.Concat(refusals).Take(MaxRefusals)]);
        await db.SaveChangesAsync(cancel);
        operation.Did("ingredients set back", next.Undone);
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        db.ChangeTracker.Clear();
        return next;
    }
}
