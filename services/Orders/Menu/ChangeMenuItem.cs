using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace OpsPlatform.Orders.Menu;

/// <summary>Replaces what a menu item says; orders placed before keep what they were sold at.</summary>
internal static class ChangeMenuItem
{
    public sealed record Request(
        [Required, StringLength(MenuItemRules.MaxCodeLength)] string Code,
        [Required, StringLength(MenuItemRules.MaxNameLength)] string Name,
        MenuKind Kind,
        [Range(0, long.MaxValue)] long PriceMinor,
        [RegularExpression(MenuItemRules.CurrencyPattern)] string Currency,
        TaxClass TaxClass,
        Guid? TargetId = null,
        decimal PiecesPerSale = 1) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            MenuItemRules.Check(Kind, TargetId, PiecesPerSale);
    }

    public static async Task<Results<Ok<MenuItemView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, OrdersDb db, CancellationToken cancel)
    {
        if (await db.MenuItems.FirstOrDefaultAsync(x => x.Id == id, cancel) is not { } item)
        {
            return TypedResults.NotFound();
        }

        item.Change(new(
            request.Code.Trim(),
            request.Name.Trim(),
            request.Kind,
            request.TargetId,
            request.PiecesPerSale,
            request.PriceMinor,
            request.Currency,
            request.TaxClass));
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException taken) when (taken.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Problems.CodeTaken(item.Code);
        }

        return TypedResults.Ok(MenuItemView.Of(item));
    }
}
