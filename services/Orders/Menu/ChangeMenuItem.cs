using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Menu;

/// <summary>Replaces what a menu item says; orders placed before keep what they were sold at.</summary>
internal static class ChangeMenuItem
{
    public sealed record Request(
        [Required, StringLength(MenuItemRules.MaxCodeLength)] string Code,
        [Required, StringLength(MenuItemRules.MaxNameLength)] string Name,
        MenuKind Kind,
        [AtLeast(0)] long PriceMinor,
        [RegularExpression(MenuItemRules.CurrencyPattern)] string Currency,
        TaxClass TaxClass,
        Guid? TargetId = null,
        decimal PiecesPerSale = 1,
        [StringLength(MenuItemRules.MaxCategoryLength)] string? Category = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            MenuItemRules.Check(Kind, TargetId, PiecesPerSale);

        internal MenuItemContent Content() =>
            new(Code.Trim(), Name.Trim(), Kind, TargetId, PiecesPerSale, PriceMinor, Currency, TaxClass, MenuItemRules.Category(Category));
    }

    public static async Task<Results<Ok<MenuItemView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, OrdersDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await MenuLock.Take(db, caller.Org, cancel);
        if (await db.MenuItems.FirstOrDefaultAsync(x => x.Id == id, cancel) is not { } item)
        {
            return TypedResults.NotFound();
        }

        var content = request.Content();
        if (await db.MenuItems.AnyAsync(x => x.Code == content.Code && x.Id != id, cancel))
        {
            return Problems.CodeTaken(content.Code);
        }

        item.Change(content);
        item.IsAvailable = await RecipeAvailability.Of(db, content, cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(MenuItemView.Of(item));
    }
}
