using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Imports;
using OpsPlatform.Inventory.Ingredients;
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
    /// <param name="LeftOut">Ordinals of images that could not be set back when it began; null in a checkpoint of an older build.</param>
    private sealed record Place(long Next, long Total, int Undone, int NotUndone, IReadOnlyList<UndoRefusal> Refusals, IReadOnlyList<long>? LeftOut = null);

    /// <returns>What setting back each ingredient that the change changed would do by how things are now, the last first.</returns>
    public static async Task<IReadOnlyList<(string What, string? Error)>> Results(Guid change, InventoryDb db, CancellationToken cancel) =>
        [.. (await ResultsByImage(change, db, cancel)).Select(result => result.Result)];

    public async Task<object?> Do(Args args, Operation operation, CancellationToken cancel)
    {
        var place = operation.Checkpoint<Place>() ?? await Begin(args.Operation, operation, cancel);
        while (await Batch(args.Operation, place, operation, cancel) is { } next)
        {
            place = next;
            operation.Report(new(place.Undone, place.Total, place.NotUndone));
        }

        return new { place.Undone, place.NotUndone, place.Refusals };
    }

    private static async Task<List<(long Ordinal, (string What, string? Error) Result)>> ResultsByImage(Guid change, InventoryDb db, CancellationToken cancel)
    {
        var images = await OperationImage.Of(db, change, long.MaxValue, StartIngredientChange.MaxLines, cancel);
        var ids = images.Select(KeyOf).Distinct().ToArray();
        var found = await db.Ingredients.AsNoTracking().Where(x => ids.Contains(x.Id)).ToDictionaryAsync(x => x.Id, cancel);
        return [.. images.Select(image => (image.Ordinal, SetBack(image, found.GetValueOrDefault(KeyOf(image)), isLeftOut: false)))];
    }

    /// <summary>Sets an ingredient back to what it was, unless it has changed since.</summary>
    /// <returns>What it is called, and why it was not.</returns>
    private static (string What, string? Error) SetBack(OperationImage image, Ingredient? ingredient, bool isLeftOut)
    {
        var error = image.ReadAfter<IngredientValues>()!.HasChanged(ingredient) ?? (isLeftOut ? LargeUndo.LeftOut : null);
        if (error is null)
        {
            image.ReadBefore<IngredientValues>()!.ApplyTo(ingredient!);
        }

        return ($"ingredient {ingredient?.Code ?? image.Key}", error);
    }

    private static Guid KeyOf(OperationImage image) => Guid.Parse(image.Key);

    private async Task<Place> Begin(Guid change, Operation operation, CancellationToken cancel)
    {
        var results = await ResultsByImage(change, db, cancel);
        if (results.Count == 0 && operation.ApprovedDigest is not null)
        {
            throw new OperationRefusedException("What the ingredients were before is kept for a week, which was over before somebody agreed. Change them as they should be.");
        }

        LargeUndo.MustBeAgreed(operation, change, [.. results.Select(result => result.Result)]);
        return new(long.MaxValue, results.Count, 0, 0, [], [.. results.Where(result => result.Result.Error is not null).Select(result => result.Ordinal)]);
    }

    private async Task<Place?> Batch(Guid change, Place place, Operation operation, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var images = await OperationImage.Of(db, change, place.Next, ChangeIngredients.LinesAtOnce, cancel);
        if (images.Count == 0)
        {
            return null;
        }

        var ids = images.Select(KeyOf).Distinct().ToArray();
        var found = await db.Ingredients.FromSql($"SELECT * FROM ingredients WHERE id = ANY({ids}) ORDER BY id FOR NO KEY UPDATE").ToDictionaryAsync(x => x.Id, cancel);
        var refusals = images.Select(image => SetBack(image, found.GetValueOrDefault(KeyOf(image)), place.LeftOut?.Contains(image.Ordinal) == true))
            .Where(result => result.Error is not null).Select(result => new UndoRefusal(result.What, result.Error!)).ToArray();
        var next = place with
        {
            Next = images[^1].Ordinal,
            Undone = place.Undone + images.Count - refusals.Length,
            NotUndone = place.NotUndone + refusals.Length,
            Refusals = [.. place.Refusals.Concat(refusals).Take(MaxRefusals)],
        };
        await db.SaveChangesAsync(cancel);
        operation.Did("ingredients set back", next.Undone);
        await operation.Save(db, next, cancel);
        await transaction.CommitAsync(cancel);
        db.ChangeTracker.Clear();
        return next;
    }
}
